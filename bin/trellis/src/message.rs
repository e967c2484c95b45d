//! `trellis message status`: one message from its sending to its end.

use crate::{
    args::StatusArgs,
    error::CliError,
    output,
    rpc::{RpcClient, RpcError},
};
use alloy_primitives::{Address, B256, U64, U256};
use core::time::Duration;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{process::ExitCode, time::Instant};

pub(crate) const EXAMPLES: &str = "Exit codes: 0 delivered, refunded or outside the network; 1 failed, unknown, or not at its end in time.

Examples:
  trellis message status 0x4f1c...            follow a message, by its id or its transaction
  trellis message status 0x4f1c... --once     what is known now
  trellis message status 0x4f1c... --json     the same for scripts";

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(50);

/// What `trellis_getMessage` answers.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    id: B256,
    status: String,
    source: String,
    destination: Option<String>,
    destination_chain_id: U64,
    sequence: U64,
    sender: Address,
    recipient: Address,
    value: U256,
    sent: At,
    delivered: Option<At>,
    failed: Option<At>,
    refunded: Option<At>,
    refund_id: Option<B256>,
}

/// Where something happened.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct At {
    block_number: U64,
    transaction_hash: B256,
    timestamp_ms: U64,
}

/// Follows a message and says how it ended.
pub(crate) fn status(args: &StatusArgs) -> Result<ExitCode, CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::from_error("cannot start the runtime", &error))?;
    runtime.block_on(follow(args))
}

fn failed(error: &RpcError) -> CliError {
    CliError::from_error("", error)
        .hint("start a network with `trellis dev`, or name one with --url")
}

async fn follow(args: &StatusArgs) -> Result<ExitCode, CliError> {
    let client = RpcClient::new(&args.url).map_err(|error| failed(&error))?;
    let deadline = Instant::now() + Duration::from_secs(args.timeout);
    let mut shown = false;
    loop {
        let answer = find(&client, args.hash)
            .await
            .map_err(|error| failed(&error))?;
        let over = args.once || Instant::now() >= deadline;
        let Some(answer) = answer else {
            if over {
                return Err(unknown(args));
            }
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let message: Message = serde_json::from_value(answer.clone()).map_err(|error| {
            CliError::from_error("the node answered with something else", &error)
        })?;
        let ended = message.status != "sent";
        if !args.json && !shown {
            show_sent(&message);
            shown = true;
        }
        if ended || over {
            return Ok(conclude(args, &message, &answer));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// The message with this id, or the first one a transaction with this hash sent.
async fn find(client: &RpcClient, hash: B256) -> Result<Option<Value>, RpcError> {
    let by_id: Option<Value> = client.call("trellis_getMessage", json!([hash])).await?;
    if by_id.is_some() {
        return Ok(by_id);
    }
    let sent: Vec<B256> = client.call("trellis_getMessagesOf", json!([hash])).await?;
    match sent.first() {
        Some(id) => client.call("trellis_getMessage", json!([id])).await,
        None => Ok(None),
    }
}

fn unknown(args: &StatusArgs) -> CliError {
    let (hash, url) = (args.hash, &args.url);
    CliError::new(format!(
        "{url} knows no message {hash}, and no transaction with this hash that sent one"
    ))
    .hint("a message exists once the transaction that sends it is in a block")
}

fn show_sent(message: &Message) {
    let Message {
        id,
        source,
        sequence,
        sender,
        recipient,
        value,
        ..
    } = message;
    let to = message.destination.clone();
    let to = to.unwrap_or_else(|| format!("chain {}", message.destination_chain_id));
    output::line(format_args!("message   {id}"));
    output::line(format_args!("from      {source} {sender}"));
    output::line(format_args!(
        "to        {to} {recipient}, number {sequence} of its lane"
    ));
    if !value.is_zero() {
        output::line(format_args!("value     {value} wei"));
    }
    show("sent", source, &message.sent, None);
}

fn show(stage: &str, module: &str, at: &At, since: Option<&At>) {
    let later = since.map(|since| at.timestamp_ms.saturating_sub(since.timestamp_ms));
    let later = later.map_or_else(String::new, |ms| format!(", {ms} ms later"));
    output::line(format_args!(
        "{stage:<9} {module} block {}, transaction {}{later}",
        at.block_number, at.transaction_hash
    ));
}

/// Shows the end, and what it means for the exit code.
fn conclude(args: &StatusArgs, message: &Message, answer: &Value) -> ExitCode {
    if args.json {
        output::json(answer);
    } else {
        let to = message.destination.as_deref().unwrap_or_default();
        let sent = Some(&message.sent);
        match message.status.as_str() {
            "delivered" => {
                if let Some(at) = &message.delivered {
                    show("delivered", to, at, sent);
                }
            }
            "failed" => {
                if let Some(at) = &message.failed {
                    show("failed", to, at, sent);
                }
                output::line(format_args!(
                    "          anybody can try again (gateway: retry), and its value can be refunded (gateway: refund)"
                ));
            }
            "refunded" => {
                if let Some(at) = &message.refunded {
                    show("refunded", to, at, sent);
                }
                if let Some(back) = message.refund_id {
                    output::line(format_args!(
                        "          its value travels back as message {back}"
                    ));
                }
            }
            "outside" => output::line(format_args!(
                "          it leaves the network; trellis_getMessageProof proves it there"
            )),
            _ => output::line(format_args!("          on its way")),
        }
    }
    let arrived = matches!(
        message.status.as_str(),
        "delivered" | "refunded" | "outside"
    );
    let fine = arrived || (args.once && message.status == "sent");
    ExitCode::from(u8::from(!fine))
}
