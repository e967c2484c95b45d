//! What expressions are worth at a row, and which cells they read.

use super::{Equation, Rule, System};
use crate::field::F;
use ff::{Field, PrimeField};
use midnight_proofs::plonk::Expression;
use midnight_proofs::poly::Rotation;
use std::collections::BTreeSet;

impl System {
    pub(super) fn dependence(&self, expression: &Expression<F>, row: usize) -> Dependence {
        expression.evaluate(
            &Dependence::Known,
            &|_| unreachable!("selectors are fixed columns by now"),
            &|query| {
                Dependence::Known(self.fixed[query.column_index()][self.at(row, query.rotation())])
            },
            &|query| {
                let row = self.at(row, query.rotation());
                if row < self.rows {
                    Dependence::On(BTreeSet::from([(row, query.column_index())]))
                } else {
                    Dependence::Known(F::ZERO)
                }
            },
            &|_| unreachable!("no gate reads an instance"),
            &|_| unreachable!("no gate reads a challenge"),
            &|a| a.map(|a| -a),
            &|a, b| a.join(b, |a, b| a + b),
            &Dependence::product,
            &|a, factor| {
                if factor == F::ZERO {
                    Dependence::Known(factor)
                } else {
                    a.map(|a| a * factor)
                }
            },
        )
    }

    pub(super) fn evaluate(&self, expression: &Expression<F>, row: usize, values: &[F]) -> F {
        expression.evaluate(
            &|constant| constant,
            &|_| unreachable!("selectors are fixed columns by now"),
            &|query| self.fixed[query.column_index()][self.at(row, query.rotation())],
            &|query| {
                self.advice[query.column_index()]
                    .get(self.at(row, query.rotation()))
                    .map_or(F::ZERO, |class| values[*class])
            },
            &|_| unreachable!("no gate reads an instance"),
            &|_| unreachable!("no gate reads a challenge"),
            &|a| -a,
            &|a, b| a + b,
            &|a, b| a * b,
            &|a, factor| a * factor,
        )
    }

    pub(super) fn at(&self, row: usize, rotation: Rotation) -> usize {
        let rows = self.fixed[0].len();
        row.wrapping_add(rows)
            .wrapping_add_signed(rotation.0 as isize)
            % rows
    }

    pub(super) fn tuple(&self, expressions: &[Expression<F>], row: usize) -> Vec<[u8; 32]> {
        self.tuple_of(expressions, row, &self.values)
    }

    pub(super) fn tuple_of(
        &self,
        expressions: &[Expression<F>],
        row: usize,
        values: &[F],
    ) -> Vec<[u8; 32]> {
        expressions
            .iter()
            .map(|expression| self.evaluate(expression, row, values).to_repr())
            .collect()
    }

    pub(super) fn holds(&self, equation: &Equation, values: &[F]) -> bool {
        match equation.rule {
            Rule::Zero(index) => {
                self.evaluate(&self.expressions[index], equation.row, values) == F::ZERO
            }
            Rule::Listed(index) => {
                let (inputs, table) = &self.lookups[index];
                table.contains(&self.tuple_of(inputs, equation.row, values))
            }
        }
    }
}

/// Which cells an expression depends on, where fixed cells are known.
pub(super) enum Dependence {
    Known(F),
    On(BTreeSet<(usize, usize)>),
}

impl Dependence {
    fn map(self, change: impl Fn(F) -> F) -> Self {
        match self {
            Self::Known(value) => Self::Known(change(value)),
            on => on,
        }
    }

    fn join(self, other: Self, combine: impl Fn(F, F) -> F) -> Self {
        match (self, other) {
            (Self::Known(a), Self::Known(b)) => Self::Known(combine(a, b)),
            (Self::On(mut a), Self::On(b)) => {
                a.extend(b);
                Self::On(a)
            }
            (on @ Self::On(_), _) | (_, on) => on,
        }
    }

    fn product(self, other: Self) -> Self {
        match (&self, &other) {
            (Self::Known(value), _) | (_, Self::Known(value)) if *value == F::ZERO => {
                Self::Known(F::ZERO)
            }
            _ => self.join(other, |a, b| a * b),
        }
    }
}
