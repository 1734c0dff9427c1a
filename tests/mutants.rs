//! Damaged recordings, made from seeds: whatever is in a file, it is published and passes the bar, or it is refused with its reason.
//!
//! 100 of them, or 1,000 where `REC2VOD_TIER` is `full`. A failure names its seed and keeps the file; `REC2VOD_MUTANTS=SEED` (or `FROM..TO`)
//! runs that one alone.

#[path = "mutants/judge.rs"]
mod judge;
#[path = "mutants/mutation.rs"]
mod mutation;
#[path = "mutants/originals.rs"]
mod originals;
#[expect(dead_code, reason = "not everything that the other tests need")]
mod support;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;
use std::sync::Mutex;
use std::thread::{available_parallelism, scope};

use judge::{Verdict, judge};
use mutation::{Class, Mutant};
use originals::originals;
use support::command::run;
use support::directory::Dir;
use support::queue::{QUEUE, TestQueue, enqueue};

/// How many mutants a test of the daemon gets.
const IN_THE_QUEUE: u64 = 30;

#[test]
fn every_mutant_is_published_without_blockers_or_refused_with_a_sentence() {
    let originals = originals();
    let seeds = seeds();
    let is_whole = seeds.start == 0;
    let waiting = Mutex::new(seeds);
    let verdicts = Mutex::new(BTreeMap::new());
    scope(|threads| {
        for _ in 0..available_parallelism().map_or(1, usize::from) {
            threads.spawn(|| {
                loop {
                    // In a statement of its own, so that the lock is free while the program runs.
                    let next = waiting.lock().unwrap().next();
                    let Some(seed) = next else { break };
                    let mutant = Mutant::new(seed, &originals);
                    let verdict = judge(&mutant);
                    println!("{mutant}: {verdict}");
                    verdicts.lock().unwrap().insert(seed, (mutant.class, verdict));
                }
            });
        }
    });
    let verdicts = verdicts.into_inner().unwrap();
    println!("{}", table(&verdicts));
    let count = |is: fn(&Verdict) -> bool| verdicts.values().filter(|(_, v)| is(v)).count();
    let faults = count(|verdict| matches!(verdict, Verdict::Fault(_)));
    assert_eq!(faults, 0, "of {} mutants; each is named above", verdicts.len());
    if is_whole {
        assert!(count(|v| *v == Verdict::Published) > 0, "whatever is damaged is refused");
        assert!(count(|v| matches!(v, Verdict::Refused(_))) > 0, "the damage does no harm");
    }
}

/// Those of the tier, or those that somebody asks for.
fn seeds() -> Range<u64> {
    let full = std::env::var("REC2VOD_TIER").is_ok_and(|tier| tier == "full");
    let Ok(asked) = std::env::var("REC2VOD_MUTANTS") else {
        return 0..if full { 1000 } else { 100 };
    };
    let number = |text: &str| text.parse::<u64>().expect("REC2VOD_MUTANTS is SEED or FROM..TO");
    match asked.split_once("..") {
        Some((from, to)) => number(from)..number(to),
        None => number(&asked)..number(&asked) + 1,
    }
}

/// How many of each class were published and refused, and how often for which reason.
fn table(verdicts: &BTreeMap<u64, (Class, Verdict)>) -> String {
    let mut classes = BTreeMap::<Class, [u32; 3]>::new();
    let mut reasons = BTreeMap::<String, u32>::new();
    for (class, verdict) in verdicts.values() {
        let counts = classes.entry(*class).or_default();
        match verdict {
            Verdict::Published => counts[0] += 1,
            Verdict::Refused(sentence) => {
                counts[1] += 1;
                let words = sentence.replace(|c: char| c.is_ascii_digit(), "");
                *reasons.entry(words).or_default() += 1;
            }
            Verdict::Fault(_) => counts[2] += 1,
        }
    }
    let mut text = format!("{:<24} published refused faults\n", "class");
    for (class, [published, refused, faults]) in classes {
        let class = format!("{class:?}");
        writeln!(text, "{class:<24} {published:>9} {refused:>7} {faults:>6}").expect("text");
    }
    for (reason, count) in reasons {
        writeln!(text, "refused {count}: {reason}").expect("text");
    }
    text
}

#[test]
fn originals_are_published() {
    for original in originals() {
        let dir = Dir::new();
        dir.publish(&dir.write("original.flv", original), &[]);
    }
}

#[test]
fn a_seed_makes_the_same_mutant_again() {
    let originals = originals();
    for seed in 0..100 {
        let bytes = Mutant::new(seed, &originals).bytes;
        assert!(bytes == Mutant::new(seed, &originals).bytes, "{seed}");
        assert!(!originals.contains(&bytes), "{seed} is not damaged");
    }
}

#[test]
fn one_daemon_survives_all_its_mutants() {
    let originals = originals();
    let dir = Dir::new();
    let queue = TestQueue::new(&dir);
    let presentations: Vec<_> = (0..IN_THE_QUEUE)
        .map(|seed| {
            let mutant = Mutant::new(seed, &originals);
            let name = format!("mutant-{seed}.flv");
            let presentation = enqueue(&dir, &dir.write(&name, &mutant.bytes));
            (mutant, name, presentation)
        })
        .collect();
    let mut daemon = dir.transcoder();
    daemon.args(["run", "--until-empty", "--queue", QUEUE, "--output", "vod"]);
    run(&mut daemon).succeeds();
    let depth = queue.depth();
    let letters = queue.dead_letters();
    assert_eq!((depth.visible, depth.in_flight, depth.delayed), (0, 0, 0));
    assert_eq!(usize::try_from(depth.dead), Ok(letters.len()));
    for (mutant, name, presentation) in presentations {
        let letter = letters.iter().find(|letter| letter.body.contains(&format!("/{name}")));
        let published = presentation.join("master.m3u8").is_file();
        match letter {
            None => assert!(published, "{mutant} is neither published nor a dead letter"),
            Some(letter) => {
                assert!(!published, "{mutant} is published and a dead letter");
                for fault in ["given up", "quality bar", "panicked"] {
                    assert!(!letter.reason.contains(fault), "{mutant}: {}", letter.reason);
                }
            }
        }
    }
}
