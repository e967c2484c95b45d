//! The history of a period as bookkeeping wants it.

use crate::Wallet;
use crate::history::Line;
use crate::time;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// What came and went in a period, with the balances before, between and after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Seconds since 1970; the first that belongs to it.
    pub from: u64,
    /// The first that no longer does.
    pub until: u64,
    rows: Vec<Row>,
    opening: Vec<(String, String)>,
    closing: Vec<(String, String)>,
    /// Whether the key sees everything, so that balances mean something.
    complete: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    line: Line,
    symbol: String,
    amount: String,
    balance: Option<String>,
    with: String,
}

impl Wallet {
    /// The statement of a period. Any key makes one, of what it sees; balances need one that sees everything.
    pub fn statement(&self, from: u64, until: u64) -> Statement {
        let complete = self.keys.full().is_some();
        let mut sums: BTreeMap<u32, u128> = BTreeMap::new();
        let mut statement = Statement {
            from,
            until,
            rows: Vec::new(),
            opening: Vec::new(),
            closing: Vec::new(),
            complete,
        };
        let mut opened = false;
        for line in self
            .history()
            .into_iter()
            .filter(|line| line.timestamp < until)
        {
            if line.timestamp >= from && !opened {
                statement.opening = self.amounts(&sums);
                opened = true;
            }
            let sum = sums.entry(line.asset).or_default();
            // A key that sees only part of it knows no balance.
            *sum = if line.kind.is_out() {
                sum.saturating_sub(line.value)
            } else {
                sum.saturating_add(line.value)
            };
            if opened {
                let balance = complete.then_some(*sum);
                statement.rows.push(self.row(line, balance));
            }
        }
        if !opened {
            statement.opening = self.amounts(&sums);
        }
        statement.closing = self.amounts(&sums);
        statement
    }

    fn row(&self, line: Line, balance: Option<u128>) -> Row {
        let asset = self.asset(line.asset);
        let money = |units| asset.money(units);
        let sign = if line.kind.is_out() { "-" } else { "" };
        let label = line.address.and_then(|number| self.label(number));
        let with = line.with.clone().or_else(|| label.map(str::to_owned));
        Row {
            amount: format!("{sign}{}", money(line.value).amount()),
            balance: balance.map(|units| money(units).amount().to_string()),
            with: with.unwrap_or_default(),
            symbol: asset.symbol,
            line,
        }
    }

    fn amounts(&self, sums: &BTreeMap<u32, u128>) -> Vec<(String, String)> {
        let amount = |(number, units): (&u32, &u128)| {
            let money = self.asset(*number).money(*units);
            (money.symbol().to_owned(), money.amount().to_string())
        };
        sums.iter().map(amount).collect()
    }
}

impl Statement {
    /// How many amounts came and went.
    pub const fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether nothing happened.
    pub const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Comma-separated, with a line of names (RFC 4180).
    pub fn to_csv(&self) -> String {
        let mut text = "time,block,transaction,kind,asset,amount,balance,with,memo\r\n".to_owned();
        for row in &self.rows {
            let Row { line, .. } = row;
            let fields = [
                time::utc(line.timestamp),
                line.block.to_string(),
                line.transaction.to_string(),
                line.kind.word().to_owned(),
                quote(&row.symbol),
                row.amount.clone(),
                row.balance.clone().unwrap_or_default(),
                quote(&row.with),
                quote(line.memo.as_deref().unwrap_or_default()),
            ];
            // Writing to a text does not fail.
            let _ = write!(text, "{}\r\n", fields.join(","));
        }
        text
    }

    /// The same as one JSON object.
    pub fn to_json(&self) -> Value {
        let balances = |list: &[(String, String)]| {
            let list = list
                .iter()
                .map(|(symbol, amount)| json!({ "asset": symbol, "amount": amount }));
            self.complete.then(|| list.collect::<Vec<_>>())
        };
        let rows = self.rows.iter().map(|row| {
            let line = &row.line;
            json!({
                "time": time::utc(line.timestamp), "timestamp": line.timestamp, "block": line.block,
                "transaction": line.transaction, "kind": line.kind.word(), "asset": row.symbol, "assetNumber": line.asset,
                "amount": row.amount, "balance": row.balance, "with": row.with, "memo": line.memo,
            })
        });
        json!({
            "from": time::utc(self.from), "until": time::utc(self.until),
            "opening": balances(&self.opening), "lines": rows.collect::<Vec<_>>(), "closing": balances(&self.closing),
        })
    }
}

/// A field of a table. What a spreadsheet would take for a formula gets an apostrophe: memos come from strangers.
fn quote(field: &str) -> String {
    let formula = field.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let guard = if formula { "'" } else { "" };
    if field.contains(['"', ',', '\r', '\n']) {
        return format!("\"{guard}{}\"", field.replace('"', "\"\""));
    }
    format!("{guard}{field}")
}

#[cfg(test)]
mod tests {
    use super::quote;

    #[test]
    fn a_memo_is_no_formula_and_no_new_row() {
        assert_eq!(quote("plain"), "plain");
        assert_eq!(quote("=1+1"), "'=1+1");
        assert_eq!(quote("a,\"b\"\nc"), "\"a,\"\"b\"\"\nc\"");
        assert_eq!(quote("-x,y"), "\"'-x,y\"");
    }
}
