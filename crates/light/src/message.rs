use alloy_primitives::{Address, B256, Bytes, U256, b256, keccak256};

/// `keccak("trellis/message/1")`: no other preimage of the protocol begins with it.
const DOMAIN: B256 = b256!("0x0778986a30087ea093c482f5f7e7ca5c55739493d13ac9d4d8e4a1cac2f05235");

/// One call from a contract or account of one module to one of another (docs/spec/messages.md, 2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// Who called the gateway.
    pub sender: Address,
    /// Who is called in the destination.
    pub recipient: Address,
    /// Native coin that moves along, in wei.
    pub value: U256,
    /// Gas the delivery may use.
    pub gas_limit: u64,
    /// Who gets the value back if the delivery fails: an address of the source.
    pub refund_to: Address,
    /// For the recipient.
    pub payload: Bytes,
}

impl Message {
    /// The identity of a message: what its lane holds, and ERC-7786's `sendId` and `receiveId`.
    pub fn id(&self, source_chain: u64, destination_chain: u64, sequence: u64) -> B256 {
        let words = [
            DOMAIN,
            number(source_chain),
            number(destination_chain),
            number(sequence),
            self.sender.into_word(),
            self.recipient.into_word(),
            self.value.into(),
            number(self.gas_limit),
            self.refund_to.into_word(),
            keccak256(&self.payload),
        ];
        keccak256(words.concat())
    }
}

/// A number as the ABI encodes it.
fn number(value: u64) -> B256 {
    U256::from(value).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> Message {
        Message {
            sender: Address::repeat_byte(0x11),
            recipient: Address::repeat_byte(0x22),
            value: (U256::from(1) << 96) - U256::from(5),
            gas_limit: 200_000,
            refund_to: Address::repeat_byte(0x33),
            payload: [0xc0, 0xff, 0xee].repeat(20).into(),
        }
    }

    #[test]
    fn the_domain_is_the_hash_of_its_name() {
        assert_eq!(DOMAIN, keccak256("trellis/message/1"));
    }

    /// Computed with viem: `keccak256(encodeAbiParameters(...))`.
    #[test]
    fn ids_are_those_of_another_implementation() {
        assert_eq!(
            message().id(527_193, 527_196, u64::MAX),
            b256!("0x9940dd7d3dd73f9723e7e492934c7d6493440a384c9e308af4ab87f6b6abec88")
        );
        assert_eq!(
            Message::default().id(1, 2, 0),
            b256!("0x78f258928dc01b17b47d9d8d8aa33f423d41ca2f262f8424c5a82aea2cbcfcae")
        );
    }

    #[test]
    fn every_field_is_part_of_the_id() {
        let changes: [fn(&mut Message); 6] = [
            |m| m.sender.0[19] ^= 1,
            |m| m.recipient.0[19] ^= 1,
            |m| m.value += U256::from(1),
            |m| m.gas_limit += 1,
            |m| m.refund_to.0[19] ^= 1,
            |m| m.payload = Bytes::new(),
        ];
        let id = message().id(1, 2, 3);
        for (field, change) in changes.iter().enumerate() {
            let mut other = message();
            change(&mut other);
            assert_ne!(other.id(1, 2, 3), id, "field {field}");
        }
        for (source, destination, sequence) in [(0, 2, 3), (1, 3, 3), (1, 2, 4), (2, 1, 3)] {
            assert_ne!(message().id(source, destination, sequence), id);
        }
    }
}
