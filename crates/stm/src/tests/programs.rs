//! Small programs over eight numbers. What one reads and where it writes may depend on what it read before.

use super::*;
use proptest::{collection::vec, prelude::*};

pub(super) const KEYS: usize = 8;

/// Where a program reads and writes.
pub(super) trait Memory {
    fn read(&mut self, key: u8) -> u64;
    fn write(&mut self, key: u8, value: u64);
}

/// The state itself: what sequential execution works on.
impl Memory for [u64; KEYS] {
    fn read(&mut self, key: u8) -> u64 {
        self[usize::from(key)]
    }

    fn write(&mut self, key: u8, value: u64) {
        self[usize::from(key)] = value;
    }
}

/// What speculation works on: writes are kept apart, and what is read of the state is noted.
pub(super) struct View<'a> {
    state: &'a [u64; KEYS],
    reads: Vec<Access<u8, u64>>,
    writes: Vec<(u64, u8, u64)>,
}

impl<'a> View<'a> {
    pub(super) const fn new(state: &'a [u64; KEYS]) -> Self {
        Self {
            state,
            reads: Vec::new(),
            writes: Vec::new(),
        }
    }

    pub(super) fn close(self) -> (Reads<u8, u64>, Writes<u8, u64>) {
        let writes = Writes { items: self.writes };
        (Reads::new(self.reads), writes)
    }

    fn own(&mut self, key: u8) -> Option<&mut u64> {
        let mut own = self.writes.iter_mut().filter(|(_, at, _)| *at == key);
        own.next().map(|(_, _, value)| value)
    }

    /// The hash of a key. Two keys share one.
    fn hash(key: u8) -> u64 {
        u64::from(key / 2) << 56
    }
}

impl Memory for View<'_> {
    fn read(&mut self, key: u8) -> u64 {
        if let Some(value) = self.own(key) {
            return *value;
        }
        let seen = self.state[usize::from(key)];
        self.reads.push(Access {
            hash: Self::hash(key),
            key,
            seen,
        });
        seen
    }

    fn write(&mut self, key: u8, value: u64) {
        match self.own(key) {
            Some(own) => *own = value,
            None => self.writes.push((Self::hash(key), key, value)),
        }
    }
}

/// One step of a program, on one register.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// Mixes a value into the register.
    Read(u8),
    /// The same at the key the register says.
    ReadThere,
    /// Adds to the register.
    Add(u64),
    /// Forgets all but the last bits, so that equal values are written and values return.
    Round,
    Write(u8),
    WriteThere,
    /// Leaves out the next step if the register is odd.
    SkipIfOdd,
}

#[derive(Clone, Debug)]
pub(super) struct Program(pub(super) Vec<Step>);

impl Program {
    /// Runs the program. The result is the register at the end.
    pub(super) fn run(&self, memory: &mut impl Memory) -> u64 {
        let mut register = 0_u64;
        let there = |register: u64| (register % KEYS as u64) as u8;
        let mut steps = self.0.iter();
        while let Some(step) = steps.next() {
            match *step {
                Step::Read(key) => register = mix(register, memory.read(key)),
                Step::ReadThere => register = mix(register, memory.read(there(register))),
                Step::Add(number) => register = register.wrapping_add(number),
                Step::Round => register %= 4,
                Step::Write(key) => memory.write(key, register),
                Step::WriteThere => memory.write(there(register), register),
                Step::SkipIfOdd => {
                    if register % 2 == 1 {
                        steps.next();
                    }
                }
            }
        }
        register
    }
}

const fn mix(register: u64, value: u64) -> u64 {
    register.wrapping_mul(31).wrapping_add(value)
}

/// The line that executing one program after the other makes.
pub(super) fn in_order(programs: &[Program]) -> Line {
    let mut line = Line::default();
    for program in programs {
        line.results.push(program.run(&mut line.state));
    }
    line
}

fn any_step() -> impl Strategy<Value = Step> {
    let key = || 0..KEYS as u8;
    prop_oneof![
        4 => key().prop_map(Step::Read),
        1 => Just(Step::ReadThere),
        2 => (0..9_u64).prop_map(Step::Add),
        2 => Just(Step::Round),
        3 => key().prop_map(Step::Write),
        1 => Just(Step::WriteThere),
        1 => Just(Step::SkipIfOdd),
    ]
}

pub(super) fn any_programs() -> impl Strategy<Value = Vec<Program>> {
    vec(vec(any_step(), 0..10).prop_map(Program), 0..60)
}

/// Adds one to a number.
pub(super) fn increment(key: u8) -> Program {
    Program(vec![Step::Read(key), Step::Add(1), Step::Write(key)])
}

/// Writes a number.
pub(super) fn set(key: u8, value: u64) -> Program {
    Program(vec![Step::Add(value), Step::Write(key)])
}
