//! What is declared of a transfer beside its data: the transaction, the contract, the ground on
//! which it stands. A packet does not say these things (28 CFR 202.210); whoever sends must.

/// The declared context of one request. Absent words are not declared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Declared {
    /// The kind of transaction: `data-brokerage`, `vendor`, `employment`, `investment`.
    pub transaction: Option<String>,
    /// The contract's reference, for the record.
    pub contract: Option<String>,
    /// What the contract holds: `cisa-2025-01`, `dsp-onward-bar`.
    pub contract_has: Vec<String>,
    /// What the data is for.
    pub purpose: Option<String>,
    /// The mechanisms in force: `security-assessment`, `standard-contract`.
    pub mechanism: Vec<String>,
    /// The consents given: `separate`, `explicit`.
    pub consent: Vec<String>,
    /// The approvals of authorities.
    pub approval: Vec<String>,
    /// What the recipient is: `vendor`, `authority`.
    pub recipient_kind: Option<String>,
    /// `collection`, `storage`, `onward`.
    pub phase: Option<String>,
}

/// A declaration that a rule may ask for or name as missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Word {
    /// [`Declared::approval`]
    Approval,
    /// [`Declared::consent`]
    Consent,
    /// [`Declared::contract_has`]
    ContractHas,
    /// [`Declared::mechanism`]
    Mechanism,
    /// [`Declared::phase`]
    Phase,
    /// [`Declared::purpose`]
    Purpose,
    /// [`Declared::recipient_kind`]
    RecipientKind,
    /// [`Declared::transaction`]
    Transaction,
}

impl Word {
    /// Every declaration.
    pub const ALL: [Self; 8] = [
        Self::Approval,
        Self::Consent,
        Self::ContractHas,
        Self::Mechanism,
        Self::Phase,
        Self::Purpose,
        Self::RecipientKind,
        Self::Transaction,
    ];

    /// The key in packs and declarations.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Approval => "approval",
            Self::Consent => "consent",
            Self::ContractHas => "contract_has",
            Self::Mechanism => "mechanism",
            Self::Phase => "phase",
            Self::Purpose => "purpose",
            Self::RecipientKind => "recipient_kind",
            Self::Transaction => "transaction",
        }
    }

    /// The words that a request declares under this key.
    pub(super) fn of(self, declared: &Declared) -> &[String] {
        match self {
            Self::Approval => &declared.approval,
            Self::Consent => &declared.consent,
            Self::ContractHas => &declared.contract_has,
            Self::Mechanism => &declared.mechanism,
            Self::Phase => declared.phase.as_slice(),
            Self::Purpose => declared.purpose.as_slice(),
            Self::RecipientKind => declared.recipient_kind.as_slice(),
            Self::Transaction => declared.transaction.as_slice(),
        }
    }
}

impl Declared {
    /// What is declared here, else what `route` says of every request of its kind.
    #[must_use]
    pub fn or(mut self, route: &Self) -> Self {
        let one = |mine: &mut Option<String>, other: &Option<String>| {
            if mine.is_none() {
                mine.clone_from(other);
            }
        };
        one(&mut self.transaction, &route.transaction);
        one(&mut self.contract, &route.contract);
        one(&mut self.purpose, &route.purpose);
        one(&mut self.recipient_kind, &route.recipient_kind);
        one(&mut self.phase, &route.phase);
        let lists = [
            (&mut self.contract_has, &route.contract_has),
            (&mut self.mechanism, &route.mechanism),
            (&mut self.consent, &route.consent),
            (&mut self.approval, &route.approval),
        ];
        for (mine, other) in lists {
            mine.extend(other.iter().cloned());
        }
        self
    }
}
