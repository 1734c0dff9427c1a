//! What an error of the SDK means, once for all services: a class to act on, and a sentence that says what to do.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::client::innermost;

/// A call: what must be allowed for it, and what it is made on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    /// The IAM action.
    pub(crate) action: &'static str,
    /// What may be missing: `queue`, `bucket`, `object`.
    pub(crate) target: &'static str,
}

/// What a caller may treat differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// What was called on does not exist.
    Missing,
    /// We may not.
    Denied,
    /// The credentials are missing or wrong.
    Credentials,
    /// The credentials were right once.
    Expired,
    /// It lies in another region.
    Region,
    /// The clock of this machine is wrong.
    Clock,
    /// Too many calls.
    Throttled,
    /// No connection, or no whole answer in time.
    Unreachable,
    /// The service failed.
    Service,
    /// A condition of the request did not hold.
    Precondition,
    /// Somebody else wrote at the same moment.
    Conflict,
    /// Everything else that the service refuses.
    Refused,
}

impl Class {
    /// True if the same call may succeed in a moment although nobody has changed anything. Expired credentials are among these: they are
    /// renewed by whoever issues them.
    #[cfg(feature = "s3")]
    pub(crate) const fn is_transient(self) -> bool {
        matches!(
            self,
            Self::Throttled | Self::Unreachable | Self::Service | Self::Expired | Self::Conflict
        )
    }

    /// True if it is unknown whether the service has done what was asked.
    #[cfg(feature = "s3")]
    pub(crate) const fn may_have_happened(self) -> bool {
        matches!(self, Self::Unreachable | Self::Service)
    }
}

/// An error of the SDK that is understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) class: Class,
    /// The service's own name of the error.
    pub(crate) code: String,
    /// What is wrong and what to do.
    pub(crate) reason: String,
}

impl Failure {
    /// Understands an error of a call.
    pub(crate) fn new<E>(call: Call, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        match error {
            SdkError::ServiceError(service) => {
                let (error, status) = (service.err(), service.raw().status().as_u16());
                Self::of_answer(
                    call,
                    status,
                    error.code().unwrap_or_default(),
                    error.message().unwrap_or_default(),
                )
            }
            SdkError::TimeoutError(_) => Self::unreachable("no answer in time"),
            error if credentials_error(error).is_some() => Self {
                class: Class::Credentials,
                code: String::new(),
                reason: format!(
                    "no AWS credentials: give the instance a role or set AWS_PROFILE ({})",
                    innermost(error)
                ),
            },
            SdkError::ConstructionFailure(_) => Self {
                class: Class::Refused,
                code: String::new(),
                reason: format!("the request cannot be made: {}", innermost(error)),
            },
            error => Self::unreachable(&innermost(error)),
        }
    }

    /// Something on this machine that keeps us from calling at all.
    #[cfg(feature = "s3")]
    pub(crate) fn local(reason: &str) -> Self {
        Self { class: Class::Refused, code: String::new(), reason: reason.to_owned() }
    }

    fn unreachable(reason: &str) -> Self {
        Self {
            class: Class::Unreachable,
            code: String::new(),
            reason: format!("no connection to AWS: {reason}"),
        }
    }

    /// Understands what a service answered: its status, the error's code and message.
    fn of_answer(call: Call, status: u16, code: &str, message: &str) -> Self {
        let class = classify(status, code);
        let Call { action, target } = call;
        let advice = match class {
            Class::Missing => {
                format!("there is no such {target}: check its name, the account and the region")
            }
            Class::Denied => format!("access is denied: allow {action} on the {target}"),
            Class::Credentials => {
                "AWS does not accept the credentials: check the access key or the role".to_owned()
            }
            Class::Expired => "the credentials have expired: renew them".to_owned(),
            Class::Region => {
                format!("the {target} is in another region: set AWS_REGION to that one")
            }
            Class::Clock => "the clock of this machine is wrong: set it".to_owned(),
            Class::Throttled => "AWS asks for fewer calls".to_owned(),
            Class::Service => "AWS failed to do it".to_owned(),
            Class::Precondition => "its condition does not hold".to_owned(),
            Class::Conflict => "somebody else writes it at this moment".to_owned(),
            Class::Unreachable | Class::Refused => format!("AWS refused {action}"),
        };
        let said = [code, message.lines().next().unwrap_or_default().trim_end_matches('.')];
        let said: Vec<_> = said.into_iter().filter(|text| !text.is_empty()).collect();
        let said = if said.is_empty() { format!("status {status}") } else { said.join(": ") };
        Self { class, code: code.to_owned(), reason: format!("{advice} ({said})") }
    }
}

/// Codes of SQS come as `QueueDoesNotExist` or, as the older protocol had them, as `AWS.SimpleQueueService.NonExistentQueue`. An answer to
/// HEAD has no code.
fn classify(status: u16, code: &str) -> Class {
    let code = code.rsplit(['.', '#']).next().unwrap_or(code);
    match code {
        "NoSuchKey" | "NoSuchBucket" | "NoSuchUpload" | "NotFound" | "NonExistentQueue"
        | "QueueDoesNotExist" => Class::Missing,
        "AccessDenied"
        | "AccessDeniedException"
        | "AllAccessDisabled"
        | "InvalidSecurity"
        | "KmsAccessDenied"
        | "NotAuthorized" => Class::Denied,
        "InvalidAccessKeyId"
        | "InvalidClientTokenId"
        | "SignatureDoesNotMatch"
        | "UnrecognizedClientException"
        | "MissingAuthenticationToken"
        | "InvalidToken"
        | "AuthFailure" => Class::Credentials,
        "ExpiredToken" | "ExpiredTokenException" | "TokenRefreshRequired" => Class::Expired,
        "PermanentRedirect"
        | "TemporaryRedirect"
        | "AuthorizationHeaderMalformed"
        | "IllegalLocationConstraintException"
        | "InvalidAddress" => Class::Region,
        "RequestTimeTooSkewed" | "RequestExpired" => Class::Clock,
        "SlowDown"
        | "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "RequestThrottled"
        | "KmsThrottled"
        | "OverLimit"
        | "TooManyRequestsException"
        | "RequestLimitExceeded" => Class::Throttled,
        "PreconditionFailed" => Class::Precondition,
        "ConditionalRequestConflict" | "OperationAborted" => Class::Conflict,
        "RequestTimeout" => Class::Unreachable,
        // CompleteMultipartUpload fails with these under status 200.
        "InternalError" | "InternalFailure" | "ServiceUnavailable" => Class::Service,
        _ => classify_status(status),
    }
}

fn classify_status(status: u16) -> Class {
    match status {
        301 | 307 => Class::Region,
        401 | 403 => Class::Denied,
        404 => Class::Missing,
        409 => Class::Conflict,
        412 => Class::Precondition,
        429 => Class::Throttled,
        500.. => Class::Service,
        _ => Class::Refused,
    }
}

fn credentials_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a CredentialsError> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        cause = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_become_one_sentence_that_says_what_to_do() {
        let call = Call { action: "sqs:ReceiveMessage", target: "queue" };
        for (status, code, message, class, sentence) in [
            (
                400,
                "AWS.SimpleQueueService.NonExistentQueue",
                "The specified queue does not exist.",
                Class::Missing,
                "there is no such queue: check its name, the account and the region (AWS.SimpleQueueService.NonExistentQueue: The specified queue does not exist)",
            ),
            (
                403,
                "AccessDenied",
                "no",
                Class::Denied,
                "access is denied: allow sqs:ReceiveMessage on the queue (AccessDenied: no)",
            ),
            (
                403,
                "ExpiredToken",
                "",
                Class::Expired,
                "the credentials have expired: renew them (ExpiredToken)",
            ),
            (503, "SlowDown", "", Class::Throttled, "AWS asks for fewer calls (SlowDown)"),
            (503, "", "", Class::Service, "AWS failed to do it (status 503)"),
            (200, "InternalError", "", Class::Service, "AWS failed to do it (InternalError)"),
            (404, "", "", Class::Missing, "there is no such queue"),
            (409, "ConditionalRequestConflict", "", Class::Conflict, "somebody else"),
            (412, "", "", Class::Precondition, "its condition does not hold (status 412)"),
            (403, "RequestTimeTooSkewed", "", Class::Clock, "the clock of this machine is wrong"),
            (301, "PermanentRedirect", "", Class::Region, "the queue is in another region"),
            (400, "Strange", "a\nb", Class::Refused, "AWS refused sqs:ReceiveMessage (Strange: a)"),
        ] {
            let failure = Failure::of_answer(call, status, code, message);
            assert_eq!(failure.class, class, "{status} {code}");
            assert!(failure.reason.starts_with(sentence), "{}", failure.reason);
            assert!(!failure.reason.contains('\n') && !failure.reason.ends_with('.'));
        }
    }
}
