//! Changing variables, and everything that is computed from them.

use super::{Cell, Class, Equation, Rejected, Rule, System};
use crate::field::F;
use ff::Field;
use std::collections::{BTreeSet, HashMap};

/// What was changed: by which equation, and how often.
type Solved = HashMap<Class, (usize, u32)>;

impl System {
    /// Sets variables and recomputes what depends on them, as a dishonest prover would: each equation that no longer holds is
    /// solved for the variable that stands last in it, or, where it has no solution there, for one before. Answers an
    /// assignment that satisfies everything, or the first equation that nothing helps.
    pub(in super::super) fn propagate(&self, changes: &[(Class, F)]) -> Result<Vec<F>, Rejected> {
        let mut values = self.values.clone();
        self.change(changes, &mut values, &mut HashMap::new())?;
        Ok(values)
    }

    /// The same in values that are this system's and will be again. `then` sees what was accepted.
    pub(in super::super) fn try_in<T>(
        &self,
        values: &mut [F],
        changes: &[(Class, F)],
        then: impl FnOnce(&[F]) -> T,
    ) -> Result<T, Rejected> {
        let mut solved = HashMap::new();
        let result = self.change(changes, values, &mut solved);
        let result = result.map(|()| then(values));
        for class in solved.into_keys() {
            values[class] = self.values[class];
        }
        result
    }

    fn change(
        &self,
        changes: &[(Class, F)],
        values: &mut [F],
        solved: &mut Solved,
    ) -> Result<(), Rejected> {
        let mut queue = BTreeSet::new();
        for (class, value) in changes {
            if self.constant[*class] {
                return Err(Rejected::Constant);
            }
            values[*class] = *value;
            solved.insert(*class, (usize::MAX, u32::MAX));
            self.enqueue(*class, &mut queue);
        }
        while let Some((_, index)) = queue.pop_first() {
            let equation = &self.equations[index];
            if equation.classes.is_empty() || self.holds(equation, values) {
                continue;
            }
            let Rule::Zero(expression) = equation.rule else {
                return Err(Rejected::Unlisted);
            };
            let class = self.choices(index, solved).into_iter().find(|class| {
                let often = solved.get(class).is_some_and(|(_, times)| *times >= 4);
                !often && !self.constant[*class] && self.solve(equation, *class, values)
            });
            let Some(class) = class else {
                return Err(Rejected::Unsolved(self.names[expression].clone()));
            };
            let times = solved.get(&class).map_or(0, |(_, times)| *times);
            solved.insert(class, (index, times + 1));
            self.enqueue(class, &mut queue);
        }
        Ok(())
    }

    /// What an equation may be solved for. What another has determined is left to it, if there is a choice. A round of Poseidon
    /// has none: nobody finds what it began with.
    fn choices(&self, index: usize, solved: &Solved) -> Vec<Class> {
        let equation = &self.equations[index];
        if matches!(equation.rule, Rule::Zero(expression) if self.is_round(expression)) {
            return vec![equation.classes[0]];
        }
        let mut choices = equation.classes.clone();
        choices.sort_by_key(|class| solved.get(class).is_some_and(|(by, _)| *by != index));
        choices
    }

    /// Results come in the order in which they were filled.
    fn enqueue(&self, class: Class, queue: &mut BTreeSet<((Cell, bool), usize)>) {
        let found = self.of_class[class].iter();
        queue.extend(found.map(|index| (self.equations[*index].result, *index)));
    }

    /// Gives a variable the value that makes an equation hold, if it is linear there and the value is allowed.
    fn solve(&self, equation: &Equation, class: Class, values: &mut [F]) -> bool {
        let Rule::Zero(index) = equation.rule else {
            return false;
        };
        let before = values[class];
        let [at_0, at_1, at_2] = [0, 1, 2].map(|value: u64| {
            values[class] = F::from(value);
            self.evaluate(&self.expressions[index], equation.row, values)
        });
        let slope = at_1 - at_0;
        let inverse: Option<F> = slope.invert().into();
        if let Some(inverse) = inverse.filter(|_| at_2 - at_1 == slope) {
            values[class] = -at_0 * inverse;
            // A table, or a rule about this variable alone, is nothing that others could make hold.
            let allowed = self.of_class[class].iter().all(|other| {
                let other = &self.equations[*other];
                let others = matches!(other.rule, Rule::Zero(_)) && other.classes.len() != 1;
                others || other.classes.is_empty() || self.holds(other, values)
            });
            if allowed {
                return true;
            }
        }
        values[class] = before;
        false
    }
}
