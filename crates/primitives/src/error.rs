/// What a failure says about the input that caused it.
///
/// Consensus may answer `false` only for [`Class::Invalid`]: a verdict is permanent (EXE-2). Everything
/// temporary waits, and a process that cannot trust itself stops before it sends anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The input breaks a rule and always will; it may be blamed and remembered.
    Invalid,
    /// Something needed is missing here and now; try again, blame nobody.
    Unavailable,
    /// This process cannot trust itself (storage failed, an invariant broke); stop.
    Fatal,
}
