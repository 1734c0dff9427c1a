//! SQS and S3.

use std::sync::Arc;

use async_trait::async_trait;
use cloud::{Aws, Bucket, S3Store, SqsQueue};
use job::ports::{DeadLetter, Queue, Store};

use crate::contract::Backend;
use crate::ministack::{BUCKET, Ministack};

struct InAws {
    ministack: Ministack,
    aws: Aws,
}

impl InAws {
    async fn new() -> Self {
        let ministack = tokio::task::spawn_blocking(|| {
            let ministack = Ministack::start();
            ministack.add_dead_letters(50);
            ministack
        });
        let ministack = ministack.await.unwrap();
        let aws = Aws::load(ministack.settings()).await.unwrap();
        Self { ministack, aws }
    }

    fn sqs(&self) -> SqsQueue {
        SqsQueue::open(&self.aws, &self.ministack.queue("recordings")).unwrap()
    }
}

#[async_trait]
impl Backend for InAws {
    fn queue(&self) -> Arc<dyn Queue> {
        Arc::new(self.sqs())
    }

    fn store(&self) -> Arc<dyn Store> {
        Arc::new(S3Store::new(Bucket::open(&self.aws, BUCKET), "vod"))
    }

    async fn dead_letters(&self) -> Vec<DeadLetter> {
        self.sqs().dead_letters(100).await.unwrap()
    }

    fn names(&self) -> Vec<String> {
        let keys = self.ministack.keys();
        keys.iter().map(|key| key.strip_prefix("vod/").unwrap().to_owned()).collect()
    }
}

contract!(InAws);
