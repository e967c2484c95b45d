//! All constraints of a circuit with one assignment of its cells, to be changed and propagated.
//!
//! The library's mock prover leaves out the constraints whose selector is additive (`trashcans`), among them those of the
//! partial rounds of Poseidon. Here they count.

mod read;
mod solve;

use crate::field::F;
use ff::Field;
use midnight_proofs::dev::{CellValue, InstanceValue, MockProver};
use midnight_proofs::plonk::{Any, Expression};
use read::Dependence;
use std::collections::{BTreeSet, HashMap, HashSet};

/// Cells that copies make equal, as one variable.
pub(super) type Class = usize;

/// Row and column of an advice cell.
pub(super) type Cell = (usize, usize);

/// Rows of a table, encoded.
type Table = HashSet<Vec<[u8; 32]>>;

/// What must hold at a row.
#[derive(Clone, Copy)]
enum Rule {
    /// An expression is 0.
    Zero(usize),
    /// Expressions stand in a table.
    Listed(usize),
}

/// A rule at a row where it says something, and the variables that it is about.
#[derive(Clone)]
struct Equation {
    rule: Rule,
    row: usize,
    /// Rows and columns are filled in order: results are solved for in the order of their cells, those that are ambiguous last.
    result: (Cell, bool),
    classes: Vec<Class>,
}

/// Why a change is not accepted.
#[derive(Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Clone)]
pub(super) enum Rejected {
    /// The variable is a constant of the circuit.
    Constant,
    /// Nothing that this expression still lets one change makes it hold.
    Unsolved(String),
    /// A value is in no table.
    Unlisted,
}

#[derive(Clone)]
pub(super) struct System {
    names: Vec<String>,
    expressions: Vec<Expression<F>>,
    /// The fixed cell that switches an expression on, for those whose selector is additive.
    switches: Vec<Option<Expression<F>>>,
    lookups: Vec<(Vec<Expression<F>>, Table)>,
    fixed: Vec<Vec<F>>,
    /// By column and row.
    advice: Vec<Vec<Class>>,
    /// By row.
    pub(super) instance: Vec<Class>,
    pub(super) values: Vec<F>,
    constant: Vec<bool>,
    /// The first row and column where a variable stands: what is computed stands after what it is computed from.
    rank: Vec<(usize, usize)>,
    equations: Vec<Equation>,
    of_class: Vec<Vec<usize>>,
    rows: usize,
}

impl System {
    pub(super) fn new(mock: &MockProver<F>) -> Self {
        let cs = mock.cs();
        let (mut names, mut expressions, mut switches) = (Vec::new(), Vec::new(), Vec::new());
        for gate in cs.gates() {
            for polynomial in gate.polynomials() {
                names.push(gate.name().to_owned());
                expressions.push(polynomial.clone());
                switches.push(None);
            }
        }
        for additive in cs.trashcans() {
            for polynomial in additive.constraint_expressions() {
                names.push("partial_round_gate".to_owned());
                expressions.push(polynomial.clone());
                switches.push(Some(additive.selector().clone()));
            }
        }
        let mut system = Self {
            names,
            expressions,
            switches,
            lookups: Vec::new(),
            fixed: mock.fixed().iter().map(|column| plain(column)).collect(),
            advice: Vec::new(),
            instance: Vec::new(),
            values: Vec::new(),
            constant: Vec::new(),
            rank: Vec::new(),
            equations: Vec::new(),
            of_class: Vec::new(),
            rows: mock.usable_rows().len(),
        };
        system.join_copies(mock);
        for lookup in cs.lookups() {
            let table = (0..system.rows)
                .map(|row| system.tuple(lookup.table_expressions(), row))
                .collect();
            system
                .lookups
                .push((lookup.input_expressions().clone(), table));
        }
        for row in 0..system.rows {
            system.add_equations(row);
        }
        system.settle();
        system
    }

    /// Where two variables are new in an equation, it is for the one that no other is for.
    fn settle(&mut self) {
        let certain = self.equations.iter().filter(|equation| !equation.result.1);
        let determined: HashSet<Class> = certain
            .filter(|equation| matches!(equation.rule, Rule::Zero(_)))
            .filter_map(|equation| equation.classes.first().copied())
            .collect();
        for equation in self.equations.iter_mut().filter(|e| e.result.1) {
            equation
                .classes
                .sort_by_key(|class| determined.contains(class));
        }
    }

    /// One variable for each cycle of the copies, and for each cell that is in none.
    fn join_copies(&mut self, mock: &MockProver<F>) {
        let assembly = mock.permutation();
        let columns = assembly.columns().to_vec();
        let mapping: Vec<Vec<(usize, usize)>> = assembly
            .mapping()
            .map(rayon::iter::ParallelIterator::collect)
            .collect();
        let mut classes: HashMap<(usize, usize), Class> = HashMap::new();
        for column in 0..columns.len() {
            for row in 0..self.rows {
                let mut cell = (column, row);
                if classes.contains_key(&cell) {
                    continue;
                }
                let class = self.add_class(F::ZERO, (usize::MAX, usize::MAX));
                while classes.insert(cell, class).is_none() {
                    cell = mapping[cell.0][cell.1];
                }
            }
        }
        let place = |kind: &dyn Fn(&Any) -> bool, index: usize| {
            columns
                .iter()
                .position(|c| c.index() == index && kind(c.column_type()))
        };
        let is_advice = |kind: &Any| matches!(kind, Any::Advice(_));
        for (index, column) in mock.advice().iter().enumerate() {
            let copied = place(&is_advice, index);
            let mut of_column = Vec::with_capacity(self.rows);
            for (row, value) in plain(column)[..self.rows].iter().enumerate() {
                let class = match copied {
                    Some(place) => classes[&(place, row)],
                    None => self.add_class(F::ZERO, (row, index)),
                };
                self.values[class] = *value;
                self.rank[class] = self.rank[class].min((row, index));
                of_column.push(class);
            }
            self.advice.push(of_column);
        }
        for (place, column) in columns.iter().enumerate() {
            for row in 0..self.rows {
                let class = classes[&(place, row)];
                if *column.column_type() == Any::Fixed {
                    self.values[class] = self.fixed[column.index()][row];
                    self.constant[class] = true;
                }
            }
        }
        // The second instance column is the public inputs; the first, of commitments, is empty.
        if let Some(place) = place(&|kind| *kind == Any::Instance, 1) {
            let assigned = |value: &&InstanceValue<F>| matches!(value, InstanceValue::Assigned(_));
            let count = mock.instance()[1].iter().take_while(assigned).count();
            self.instance = (0..count).map(|row| classes[&(place, row)]).collect();
        }
    }

    /// Whether an expression is part of a round of Poseidon.
    fn is_round(&self, expression: usize) -> bool {
        self.names[expression].contains("round")
    }

    fn add_class(&mut self, value: F, rank: (usize, usize)) -> Class {
        self.values.push(value);
        self.rank.push(rank);
        self.constant.push(false);
        self.of_class.push(Vec::new());
        self.values.len() - 1
    }

    /// The rules that say something at a row.
    fn add_equations(&mut self, row: usize) {
        for index in 0..self.expressions.len() {
            let on = self.switches[index]
                .as_ref()
                .is_none_or(|switch| self.evaluate(switch, row, &self.values) != F::ZERO);
            if on {
                let cells = self.cells_of(&[&self.expressions[index]], row);
                self.add_equation(Rule::Zero(index), row, cells);
            }
        }
        for index in 0..self.lookups.len() {
            let inputs: Vec<_> = self.lookups[index].0.iter().collect();
            let cells = self.cells_of(&inputs, row);
            self.add_equation(Rule::Listed(index), row, cells);
        }
    }

    /// Puts the result first: in a round of Poseidon it is the cell that is read last, in arithmetic the variable that stands
    /// nowhere before.
    fn add_equation(&mut self, rule: Rule, row: usize, mut cells: Vec<Cell>) {
        if cells.is_empty() {
            return;
        }
        let is_round = matches!(rule, Rule::Zero(index) if self.is_round(index));
        let place = |cell: &Cell| (!is_round).then(|| self.rank[self.advice[cell.1][cell.0]]);
        cells.sort_by_key(|cell| std::cmp::Reverse((place(cell), *cell)));
        let mut classes: Vec<Class> = Vec::new();
        for (row, column) in &cells {
            let class = self.advice[*column][*row];
            if !classes.contains(&class) {
                classes.push(class);
                self.of_class[class].push(self.equations.len());
            }
        }
        // Where two variables are new, another equation says which of them this one is for.
        let is_new = |class: &Class| self.rank[*class].0 == cells[0].0;
        let ambiguous = !is_round && classes.get(1).is_some_and(is_new);
        self.equations.push(Equation {
            rule,
            row,
            result: (cells[0], ambiguous),
            classes,
        });
    }

    /// The cells that expressions depend on at a row.
    fn cells_of(&self, expressions: &[&Expression<F>], row: usize) -> Vec<Cell> {
        let mut found = BTreeSet::new();
        for expression in expressions {
            if let Dependence::On(cells) = self.dependence(expression, row) {
                found.extend(cells);
            }
        }
        found.into_iter().collect()
    }

    /// Whether everything holds.
    pub(super) fn satisfied(&self, values: &[F]) -> bool {
        self.equations
            .iter()
            .all(|equation| self.holds(equation, values))
    }

    /// Variables that some rule is about. What stands in other cells says nothing.
    pub(super) fn variables(&self) -> Vec<Class> {
        let mut classes: Vec<_> = self.advice.iter().flatten().copied().collect();
        classes.retain(|class| !self.of_class[*class].is_empty());
        classes.sort_by_key(|class| self.rank[*class]);
        classes.dedup();
        classes
    }

    /// Variables that an expression `x² − x` alone is about.
    pub(super) fn bits(&self) -> Vec<Class> {
        let mut bits: Vec<_> = self
            .equations
            .iter()
            .filter(|equation| self.is_boolean(equation))
            .map(|equation| equation.classes[0])
            .filter(|class| !self.constant[*class])
            .collect();
        bits.sort_by_key(|class| self.rank[*class]);
        bits.dedup();
        bits
    }

    fn is_boolean(&self, equation: &Equation) -> bool {
        let [class] = equation.classes[..] else {
            return false;
        };
        let mut values = self.values.clone();
        let mut holds = |value: u64| {
            values[class] = F::from(value);
            self.holds(equation, &values)
        };
        matches!(equation.rule, Rule::Zero(_)) && holds(0) && holds(1) && !holds(2)
    }

    /// Whether nothing but tables and `x² − x` says what the variable is: it is chosen, not computed.
    pub(super) fn is_free(&self, class: Class) -> bool {
        !self.of_class[class].iter().any(|equation| {
            let equation = &self.equations[*equation];
            matches!(equation.rule, Rule::Zero(_))
                && equation.classes.len() > 1
                && equation.classes[0] == class
        })
    }

    /// Whether the first cell of the variable is where the library puts what it is given.
    pub(super) fn is_assigned(&self, class: Class) -> bool {
        self.rank[class].1 == 0
    }

    /// Cells of a variable, first to last.
    pub(super) fn cells(&self, class: Class) -> Vec<(usize, usize)> {
        let mut cells = Vec::new();
        for (column, classes) in self.advice.iter().enumerate() {
            cells.extend(
                (0..self.rows)
                    .filter(|row| classes[*row] == class)
                    .map(|row| (row, column)),
            );
        }
        cells.sort_unstable();
        cells
    }

    /// Forgets that a cell is a copy, as if a gadget had assigned the value instead of the cell. Answers its new variable.
    pub(super) fn cut(&mut self, (row, column): (usize, usize)) -> Class {
        let class = self.add_class(self.values[self.advice[column][row]], (row, column));
        self.advice[column][row] = class;
        let near = row.saturating_sub(1)..=(row + 1).min(self.rows - 1);
        for equation in &mut self.equations {
            if near.contains(&equation.row) {
                equation.classes.clear();
            }
        }
        near.for_each(|row| self.add_equations(row));
        self.settle();
        class
    }

    /// Rules about bits are left out.
    pub(super) fn without_bits(&mut self) {
        let boolean: Vec<_> = self
            .equations
            .iter()
            .map(|equation| self.is_boolean(equation))
            .collect();
        for (equation, boolean) in self.equations.iter_mut().zip(boolean) {
            if boolean {
                equation.classes.clear();
            }
        }
    }
}

fn plain(column: &[CellValue<F>]) -> Vec<F> {
    column
        .iter()
        .map(|cell| match cell {
            CellValue::Assigned(value) => *value,
            _ => F::ZERO,
        })
        .collect()
}
