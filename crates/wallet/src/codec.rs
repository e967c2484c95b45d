//! How the wallet's data is written: bytes and field elements as hexadecimal text.

use alloy_primitives::hex;
use serde::{Deserialize, Deserializer, Serializer, de::Error as _};
use trellis_circuits::field::{self, F};
use trellis_shielded::{Channel, ContactTag, Note};
use zeroize::Zeroizing;

fn read<'de, const N: usize, D: Deserializer<'de>>(
    input: D,
) -> Result<Zeroizing<[u8; N]>, D::Error> {
    let text = Zeroizing::new(String::deserialize(input)?);
    let mut bytes = Zeroizing::new([0; N]);
    hex::decode_to_slice(&*text, &mut *bytes).map_err(D::Error::custom)?;
    Ok(bytes)
}

fn write<S: Serializer>(bytes: &[u8], output: S) -> Result<S::Ok, S::Error> {
    output.serialize_str(&Zeroizing::new(hex::encode(bytes)))
}

/// A field element.
pub(crate) mod element {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(element: &F, output: S) -> Result<S::Ok, S::Error> {
        write(&field::encode(element), output)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<F, D::Error> {
        field::decode(&*read::<32, D>(input)?).map_err(D::Error::custom)
    }
}

/// A field element in a collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Element(#[serde(with = "element")] pub(crate) F);

/// A note with all its secrets.
pub(crate) mod note {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(note: &Note, output: S) -> Result<S::Ok, S::Error> {
        write(&*note.to_saved(), output)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<Note, D::Error> {
        Note::from_saved(&*read(input)?).map_err(D::Error::custom)
    }
}

/// A channel of contact tags.
pub(crate) mod channel {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(
        channel: &Channel,
        output: S,
    ) -> Result<S::Ok, S::Error> {
        write(&*channel.to_saved(), output)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<Channel, D::Error> {
        Ok(Channel::from_saved(&*read(input)?))
    }
}

/// A contact tag.
pub(crate) mod tag {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(tag: &ContactTag, output: S) -> Result<S::Ok, S::Error> {
        write(&tag.0, output)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<ContactTag, D::Error> {
        Ok(ContactTag(*read(input)?))
    }
}
