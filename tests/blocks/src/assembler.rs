//! A small EVM assembler: the generated workloads' contracts are written in it, so that they need no compiler.

use alloy_primitives::Bytes;
use revm::bytecode::opcode::OpCode;
use std::collections::BTreeMap;

/// Assembles a program: words separated by white space.
///
/// `0x…` pushes a number with as many bytes as it is written with, `name:` marks a jump target, `@name` pushes one, anything
/// else is an instruction by its name; `;` begins a comment.
///
/// # Panics
/// On a word that means nothing, or a target that is missing. Programs are constants.
pub fn assemble(program: &str) -> Bytes {
    let lines = program
        .lines()
        .map(|line| line.split(';').next().unwrap_or_default());
    let words: Vec<&str> = lines.flat_map(str::split_whitespace).collect();
    let mut targets = BTreeMap::new();
    let mut code = Vec::new();
    let mut jumps = Vec::new();
    for word in words {
        if let Some(name) = word.strip_suffix(':') {
            targets.insert(name, code.len());
            code.push(OpCode::JUMPDEST.get());
        } else if let Some(name) = word.strip_prefix('@') {
            code.push(OpCode::PUSH2.get());
            jumps.push((code.len(), name));
            code.extend([0, 0]);
        } else if let Some(digits) = word.strip_prefix("0x") {
            let bytes =
                alloy_primitives::hex::decode(digits).expect("an even number of hex digits");
            let width = u8::try_from(bytes.len()).expect("at most 32 bytes");
            code.push(OpCode::PUSH1.get() + width - 1);
            code.extend(bytes);
        } else {
            let named = |op: &OpCode| op.as_str() == word;
            let op = (0..=u8::MAX).filter_map(OpCode::new).find(named);
            code.push(op.unwrap_or_else(|| panic!("no instruction {word}")).get());
        }
    }
    for (at, name) in jumps {
        let target = *targets
            .get(name)
            .unwrap_or_else(|| panic!("no target {name}"));
        let target = u16::try_from(target).expect("a small program");
        code[at..at + 2].copy_from_slice(&target.to_be_bytes());
    }
    code.into()
}
