//! Which of several processes this one is, by what starts them: `mpirun`, `srun`, an array of Slurm, HyperQueue,
//! Kubernetes.

use crate::engine::AdapterReport;
use crate::error::{Error, Result};

/// The place of a process among those that were started together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rank {
    /// From 0.
    pub rank: u32,
    /// How many there are; 0 where nobody says.
    pub of: u32,
    /// The place among those of one machine, where that is known.
    pub local: Option<u32>,
}

/// (rank, how many, place on the machine), in the order in which they are asked.
const LAUNCHERS: [[&str; 3]; 4] = [
    ["OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK"],
    ["PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID"],
    ["HQ_TASK_ID", "", ""],
    ["JOB_COMPLETION_INDEX", "", ""],
];

impl Rank {
    /// As variables say it; none where none does.
    ///
    /// # Errors
    /// A variable that is no number, by its name.
    pub fn of(variable: &dyn Fn(&str) -> Option<String>) -> Result<Option<Rank>> {
        let number = |name: &str| -> Result<Option<u32>> {
            let Some(text) = (!name.is_empty()).then(|| variable(name)).flatten() else { return Ok(None) };
            let parsed = text.trim().parse();
            parsed.map(Some).map_err(|_| {
                Error::input(format!("{name} is {text:?}, expected a number from 0: unset it, or give --rank and --of"))
            })
        };
        for [rank, of, local] in LAUNCHERS {
            if let Some(rank) = number(rank)? {
                return Ok(Some(Rank { rank, of: number(of)?.unwrap_or(0), local: number(local)? }));
            }
        }
        let task = (number("SLURM_PROCID")?, number("SLURM_NTASKS")?.unwrap_or(1), number("SLURM_LOCALID")?);
        let array = match number("SLURM_ARRAY_TASK_ID")? {
            Some(id) => {
                let first = number("SLURM_ARRAY_TASK_MIN")?.unwrap_or(0);
                Some((id.saturating_sub(first), number("SLURM_ARRAY_TASK_COUNT")?.unwrap_or(0)))
            }
            None => None,
        };
        Ok(match (array, task) {
            (None, (None, ..)) => None,
            (None, (Some(rank), of, local)) => Some(Rank { rank, of, local }),
            // Each task of the array may have several processes by `srun`.
            (Some((at, count)), (process, each, local)) => {
                Some(Rank { rank: at * each + process.unwrap_or(0), of: count * each, local })
            }
        })
    }
}

/// Which adapter a process gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdapterMap {
    /// One after another, of the best one's interface, the graphics cards alone where there are any.
    Auto,
    /// These, by the place of the process.
    Given(Vec<usize>),
}

impl AdapterMap {
    /// `auto`, or indices such as `0,1,0,1`.
    ///
    /// # Errors
    /// What was expected.
    pub fn parse(text: &str) -> Result<AdapterMap, String> {
        if text == "auto" {
            return Ok(AdapterMap::Auto);
        }
        let all: Result<Vec<usize>, _> = text.split(',').map(|word| word.trim().parse()).collect();
        all.map(AdapterMap::Given).map_err(|_| "expected `auto`, or indices of adapters such as 0,1,0,1".to_owned())
    }

    /// The adapter of a process, by its index; none where there is no adapter at all.
    ///
    /// # Errors
    /// An index that no adapter has.
    pub fn of(&self, rank: Rank, adapters: &[AdapterReport]) -> Result<Option<usize>> {
        let place = rank.local.unwrap_or(rank.rank) as usize;
        match self {
            AdapterMap::Given(all) => {
                let index = all[place % all.len()];
                match adapters.iter().any(|a| a.index == index) {
                    true => Ok(Some(index)),
                    false => Err(Error::input(format!(
                        "--adapter-map: process {place} of this machine would get adapter {index}, and there are {} \
                         here; see `unlearn adapters`",
                        adapters.len()
                    ))),
                }
            }
            AdapterMap::Auto => {
                // The best comes first. What is listed behind another interface is one of them once more.
                let Some(best) = adapters.first() else { return Ok(None) };
                let alike = |a: &&AdapterReport| a.backend == best.backend && (a.kind == "cpu") == (best.kind == "cpu");
                let all: Vec<usize> = adapters.iter().filter(alike).map(|a| a.index).collect();
                Ok(Some(all[place % all.len()]))
            }
        }
    }
}
