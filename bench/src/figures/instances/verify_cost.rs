//! The CPU time of a verify call of a key with a rate limit, on three instances relative to one instance alone.

use std::{sync::Arc, thread, time::Duration};

use anyhow::{Result, anyhow, ensure};

use super::{
    super::{Row, Settings, VALID, verify_all},
    COUNT, Cluster, FIGURE,
};
use crate::{
    ab::median,
    load::{Load, Requests, Round},
    programs::{Program, wait_until_idle},
};

const KEYS: usize = 1000;
/// Goal: greatest ratio.
const GOAL: f64 = 1.25;

/// Instances that share the calls.
struct Side {
    cluster: Cluster,
    /// As many as there are instances of the larger side, so that the load generator costs the same.
    loads: Vec<Load>,
}

pub(super) fn measure(settings: &Settings) -> Result<Vec<Row>> {
    let (three, alone) = (Side::start("shared", COUNT)?, Side::start("alone", 1)?);
    let mut pairs = Vec::new();
    for pair in 0..settings.pairs {
        pairs.push(if pair % 2 == 0 {
            let three = three.round(settings.round)?;
            (three, alone.round(settings.round)?)
        } else {
            let alone = alone.round(settings.round)?;
            (three.round(settings.round)?, alone)
        });
    }
    let ratio = median(pairs.iter().map(|(three, alone)| three / alone));
    let [three, alone] = [median(pairs.iter().map(|(three, _)| *three)), median(pairs.iter().map(|(_, alone)| *alone))];
    let what = "CPU time per verify call of a key with a rate limit on three instances, relative to one instance alone";
    Ok(vec![Row::at_most(FIGURE, what, GOAL, ratio, &format!("{three:.1} and {alone:.1} µs"))])
}

impl Side {
    fn start(name: &str, instances: usize) -> Result<Self> {
        let cluster = Cluster::start(name, instances, KEYS)?;
        for instance in &cluster.instances {
            verify_all(instance, &cluster.caller, &cluster.keys)?;
        }
        let requests = Arc::new(Requests::verify(&cluster.caller, cluster.keys.clone()));
        let address = |number: usize| cluster.instances[number % instances].address;
        let load = |number| Load { address: address(number), requests: Arc::clone(&requests), expected_prefix: VALID };
        Ok(Self { loads: (0..COUNT).map(load).collect(), cluster })
    }

    /// CPU time of all instances per call, in microseconds.
    fn round(&self, time: Duration) -> Result<f64> {
        wait_until_idle(&self.cluster.instances.iter().collect::<Vec<_>>())?;
        let before = self.cpu_seconds()?;
        let rounds = thread::scope(|scope| {
            let running: Vec<_> = self.loads.iter().map(|load| scope.spawn(move || load.run(time))).collect();
            running.into_iter().map(|running| running.join().map_err(|_| anyhow!("the load generator panicked"))?).collect::<Result<Vec<Round>>>()
        })?;
        let worked = self.cpu_seconds()? - before;
        let unexpected: u64 = rounds.iter().map(|round| round.unexpected).sum();
        ensure!(unexpected == 0, "{unexpected} unexpected responses");
        let answers: u64 = rounds.iter().map(|round| round.answers).sum();
        let cost = worked * 1e6 / f64::from(u32::try_from(answers)?);
        eprintln!("    {cost:.1} µs CPU per call on {} instances", self.cluster.instances.len());
        Ok(cost)
    }

    fn cpu_seconds(&self) -> Result<f64> {
        self.cluster.instances.iter().map(Program::cpu_seconds).sum()
    }
}
