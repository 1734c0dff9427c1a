//! What the URL of a queue says.

/// True if it is `http[s]://host/.../account/name`.
pub(super) fn is_queue(url: &str) -> bool {
    let Some((host, path)) = split(url) else {
        return false;
    };
    let components: Vec<_> = path.split('/').collect();
    !host.is_empty()
        && components.len() >= 2
        && components.iter().all(|component| !component.is_empty())
        && !url.contains(|c: char| c.is_whitespace() || matches!(c, '?' | '#'))
}

/// The region in a URL of AWS's own.
pub(super) fn region(url: &str) -> Option<&str> {
    let (host, _) = split(url)?;
    let is_amazon = host.contains(".amazonaws.") || host.ends_with(".api.aws");
    let labels = host.split('.').skip_while(|label| *label != "sqs").nth(1);
    labels.filter(|_| is_amazon)
}

fn split(url: &str) -> Option<(&str, &str)> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
    rest.split_once('/')
}

/// Name and account of the queue with an ARN `arn:aws:sqs:region:account:name`.
pub(super) fn of_arn(arn: &str) -> Option<(&str, &str)> {
    let mut parts = arn.split(':').skip(2);
    let (service, _region, account, name) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    (service == "sqs" && !name.is_empty() && parts.next().is_none()).then_some((name, account))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_queues_are_told_from_others() {
        for (url, is, its_region) in [
            ("https://sqs.eu-central-1.amazonaws.com/123456789012/q", true, Some("eu-central-1")),
            ("https://sqs.cn-north-1.amazonaws.com.cn/1/q", true, Some("cn-north-1")),
            ("https://sqs.eu-west-1.api.aws/1/q", true, Some("eu-west-1")),
            ("https://vpce-0a.sqs.us-east-1.vpce.amazonaws.com/1/q", true, Some("us-east-1")),
            ("http://127.0.0.1:4566/000000000000/q", true, None),
            ("http://sqs.elsewhere.example:4566/queue/x/1/q", true, None),
            ("https://sqs.eu-central-1.amazonaws.com/q", false, Some("eu-central-1")),
            ("https://sqs.eu-central-1.amazonaws.com", false, None),
            ("sqlite:queue.db", false, None),
            ("https:///1/q", false, None),
            ("https://host/1/", false, None),
            ("https://host/1/q?x", false, None),
        ] {
            assert_eq!(is_queue(url), is, "{url}");
            assert_eq!(region(url), its_region, "{url}");
        }
    }

    #[test]
    fn arns_of_queues_are_read() {
        for (arn, expected) in [
            ("arn:aws:sqs:eu-central-1:123456789012:dead", Some(("dead", "123456789012"))),
            ("arn:aws:sns:eu-central-1:123456789012:dead", None),
            ("arn:aws:sqs:eu-central-1:1:a:b", None),
            ("", None),
        ] {
            assert_eq!(of_arn(arn), expected, "{arn}");
        }
    }
}
