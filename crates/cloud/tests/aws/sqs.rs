//! What the queue makes of SQS's answers, and of none.

use std::time::{Duration, Instant};

use cloud::SqsQueue;
use job::ports::{Delivery, Queue as _, QueueError, ReceiptHandle};

use crate::support::scripted::{Answer, Scripted};
use crate::support::sqs::make_queues;
use crate::support::{self, Ministack, free_address, unique};

const MINUTE: Duration = Duration::from_mins(1);

/// An error of SQS's JSON protocol as the service sends it: the shape's name in the body, the name that older clients know in a header.
fn refusal(status: u16, shape: &str, code: &str, message: &str) -> Answer {
    let body = format!(r#"{{"__type":"com.amazonaws.sqs#{shape}","message":"{message}"}}"#);
    let headers = vec![
        ("Content-Type", "application/x-amz-json-1.0".to_owned()),
        ("x-amzn-query-error", format!("{code};Sender")),
    ];
    Answer::Whole(status, headers, body.into_bytes())
}

async fn queue_at(server: &Scripted) -> SqsQueue {
    let aws = support::aws(server.address, "AKID").await;
    SqsQueue::open(&aws, &format!("http://{}/123456789012/q", server.address)).unwrap()
}

/// What SQS says of a receipt handle that is good no more: after its time-out, after another receive, and after 12 hours.
#[tokio::test]
async fn every_refusal_of_a_receipt_is_a_lost_lease() {
    for (shape, code) in [
        ("MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight"),
        ("ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid"),
        ("InvalidParameterValueException", "InvalidParameterValue"),
    ] {
        let server = Scripted::start(move |_| refusal(400, shape, code, "The receipt is stale."));
        let (queue, receipt) = (queue_at(&server).await, ReceiptHandle("receipt".to_owned()));
        let extended = queue.change_visibility(&receipt, MINUTE).await;
        assert!(matches!(extended, Err(QueueError::LeaseLost { .. })), "{shape}: {extended:?}");
        queue.delete(&receipt).await.unwrap();
        assert_eq!(server.requests().len(), 2, "nothing of this is tried again");
    }
}

#[tokio::test]
async fn what_sqs_refuses_says_what_to_do() {
    type IsRight = fn(&QueueError) -> bool;
    let unusable: IsRight = |error| matches!(error, QueueError::Unusable { .. });
    let unavailable: IsRight = |error| matches!(error, QueueError::Unavailable { .. });
    for (status, shape, code, class, sentence) in [
        (
            400,
            "QueueDoesNotExist",
            "AWS.SimpleQueueService.NonExistentQueue",
            unusable,
            "there is no such queue: check its name, the account and the region",
        ),
        (
            403,
            "AccessDeniedException",
            "AccessDenied",
            unusable,
            "access is denied: allow sqs:ReceiveMessage on the queue",
        ),
        (
            403,
            "InvalidClientTokenId",
            "InvalidClientTokenId",
            unusable,
            "AWS does not accept the credentials",
        ),
        // Renewed by whoever issues them.
        (403, "ExpiredToken", "ExpiredToken", unavailable, "the credentials have expired"),
        (400, "RequestThrottled", "RequestThrottled", unavailable, "AWS asks for fewer calls"),
        (500, "InternalFailure", "InternalFailure", unavailable, "AWS failed to do it"),
    ] {
        let server = Scripted::start(move |_| refusal(status, shape, code, "No."));
        let error = queue_at(&server).await.receive(Duration::ZERO, MINUTE).await.unwrap_err();
        assert!(class(&error), "{error:?}");
        let text = error.to_string();
        assert!(text.contains(sentence) && !text.contains('\n'), "{text}");
    }
}

/// aws-sdk-rust#1094: without a time-out of its own, a receive can wait for ever.
#[tokio::test]
async fn a_receive_that_is_never_answered_ends() {
    let server = Scripted::start(|_| Answer::Silence);
    let began = Instant::now();
    let received = queue_at(&server).await.receive(Duration::from_secs(1), MINUTE).await;
    assert!(matches!(received, Err(QueueError::Unavailable { .. })), "{received:?}");
    assert_eq!(server.requests().len(), 2);
    assert!((22..40).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable() {
    let address = free_address();
    let aws = support::aws(address, "AKID").await;
    let queue = SqsQueue::open(&aws, &format!("http://{address}/123456789012/q")).unwrap();
    let text = match queue.send("body").await {
        Err(QueueError::Unavailable { reason, .. }) => reason,
        other => panic!("{other:?}"),
    };
    assert!(text.starts_with("no connection to AWS: "), "{text}");
}

/// The server that a failed call went to answers the next one.
#[tokio::test]
async fn a_connection_that_dies_is_made_anew() {
    let server = Scripted::start(|request| match request.number {
        0 => Answer::Nothing,
        _ => Answer::Whole(200, vec![], b"{}".to_vec()),
    });
    let received = queue_at(&server).await.receive(Duration::ZERO, MINUTE).await;
    assert!(matches!(received, Ok(None)), "{received:?}");
}

#[tokio::test]
async fn a_long_poll_ends_with_the_message_or_with_its_time() {
    let ministack = Ministack::start();
    let queues = make_queues(&ministack, 50).await;
    let aws = ministack.aws().await;
    let queue = SqsQueue::open(&aws, &queues.url).unwrap();
    let began = Instant::now();
    assert!(queue.receive(Duration::from_secs(2), MINUTE).await.unwrap().is_none());
    assert!(began.elapsed() >= Duration::from_secs(2), "{:?}", began.elapsed());

    let sender = SqsQueue::open(&aws, &queues.url).unwrap();
    let sent = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(1)).await;
        sender.send("late").await.unwrap()
    });
    let began = Instant::now();
    let delivery = queue.receive(MINUTE, MINUTE).await.unwrap().unwrap();
    assert_eq!((delivery.id, delivery.body.as_str()), (sent.await.unwrap(), "late"));
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

/// Of the refusals that ministack knows: a receipt that is older than another, and one of a message that is gone.
#[tokio::test]
async fn a_stale_receipt_cannot_extend() {
    let ministack = Ministack::start();
    let queues = make_queues(&ministack, 50).await;
    let queue = SqsQueue::open(&ministack.aws().await, &queues.url).unwrap();
    queue.send("body").await.unwrap();
    let receive = async || queue.receive(Duration::ZERO, MINUTE).await.unwrap().unwrap();
    let first: Delivery = receive().await;
    queue.change_visibility(&first.receipt, Duration::ZERO).await.unwrap();
    let second = receive().await;
    for stale in [&first, &second] {
        let extended = queue.change_visibility(&stale.receipt, MINUTE).await;
        if stale == &first {
            assert!(matches!(extended, Err(QueueError::LeaseLost { .. })), "{extended:?}");
        } else {
            extended.unwrap();
        }
    }
    queue.delete(&second.receipt).await.unwrap();
    let extended = queue.change_visibility(&second.receipt, MINUTE).await;
    assert!(matches!(extended, Err(QueueError::LeaseLost { .. })), "{extended:?}");
}

/// More than one batch, with what SQS moved by itself among them, and all still there afterwards.
#[tokio::test]
async fn dead_letters_are_listed_with_their_reasons_and_stay() {
    let ministack = Ministack::start();
    let queues = make_queues(&ministack, 1).await;
    let aws = ministack.aws().await;
    let queue = SqsQueue::open(&aws, &queues.url).unwrap();
    for n in 0..23 {
        queue.send(&format!("{n}")).await.unwrap();
        let delivery = queue.receive(Duration::ZERO, MINUTE).await.unwrap().unwrap();
        if n == 7 {
            queue.change_visibility(&delivery.receipt, Duration::ZERO).await.unwrap();
            assert!(queue.receive(Duration::ZERO, MINUTE).await.unwrap().is_none());
        } else {
            queue.reject(&delivery, &format!("reason {n}\nsecond line")).await.unwrap();
        }
    }
    assert_eq!(queue.depth().await.unwrap().dead, 23);
    for _ in 0..2 {
        let dead = queue.dead_letters(usize::MAX).await.unwrap();
        let mut facts: Vec<_> = dead.into_iter().map(|d| (d.body, d.reason)).collect();
        facts.sort_by_key(|(body, _)| body.parse::<u32>().unwrap());
        let expected: Vec<_> = (0..23)
            .map(|n| match n {
                7 => "it was received too often without being finished".to_owned(),
                n => format!("reason {n} second line"),
            })
            .zip(0..)
            .map(|(reason, n)| (format!("{n}"), reason))
            .collect();
        assert_eq!(facts, expected);
    }
}

#[tokio::test]
async fn without_a_queue_of_dead_letters_nothing_is_rejected_or_lost() {
    let ministack = Ministack::start();
    let client = aws_sdk_sqs::Client::new(&ministack.sdk().await);
    let made = client.create_queue().queue_name(unique("alone")).send().await.unwrap();
    let url = made.queue_url.unwrap();
    let aws = ministack.aws().await;
    let queue = SqsQueue::open(&aws, &url).unwrap();
    queue.send("poison").await.unwrap();
    let delivery = queue.receive(Duration::ZERO, MINUTE).await.unwrap().unwrap();
    let error = queue.reject(&delivery, "no").await.unwrap_err();
    assert!(error.to_string().contains("set its redrive policy"), "{error}");
    let depth = queue.depth().await.unwrap();
    assert_eq!((depth.in_flight, depth.dead), (1, 0));

    let elsewhere = make_queues(&ministack, 50).await.dead_url;
    let queue = SqsQueue::open(&aws, &url).unwrap().with_dead_letters(&elsewhere);
    queue.reject(&delivery, "no").await.unwrap();
    let depth = queue.depth().await.unwrap();
    assert_eq!((depth.in_flight, depth.dead), (0, 1));
}

#[tokio::test]
async fn wrong_queues_are_named() {
    let ministack = Ministack::start();
    let aws = ministack.aws().await;
    let error = SqsQueue::open(&aws, "sqs://nothing").unwrap_err();
    assert!(error.to_string().contains("it is no URL of an SQS queue"), "{error}");
    let url = format!("http://{}/000000000000/none", ministack.address());
    let error = SqsQueue::open(&aws, &url).unwrap().send("body").await.unwrap_err();
    assert!(matches!(error, QueueError::Unusable { .. }), "{error:?}");
    assert!(error.to_string().contains("there is no such queue"), "{error}");
}
