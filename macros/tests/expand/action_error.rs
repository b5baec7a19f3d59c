/// What stops a transfer.
#[derive(ActionError)]
enum TransferError {
    /// The account has less than that.
    #[error(status = 409, message = "{missing} more is needed")]
    InsufficientFunds { missing: u32, accounts: Vec<String> },
    #[error(status = 403, code = "account.frozen")]
    Frozen,
    #[error(status = 402, message = "the fee is {0}")]
    Fee(Money),
    #[error(status = 503)]
    Bank {
        name: String,
        #[source]
        cause: BankFailure,
    },
    #[error(status = 500)]
    Store(#[from] StoreFailure),
    #[error(transparent)]
    Limit(#[from] LimitError),
    #[error(transparent)]
    Other(#[from] kipo::Error),
}

#[derive(ActionError)]
enum Never {}
