//! Numbers as a loader reads them.

/// Values as precise as the file has them: what is rounded before its mean is taken away loses what it holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Values {
    /// Whole numbers below 2^24, and what the file has in 32 bits.
    Single(Vec<f32>),
    /// Everything else.
    Double(Vec<f64>),
}

impl Default for Values {
    fn default() -> Values {
        Values::Single(vec![])
    }
}

impl Values {
    pub fn len(&self) -> usize {
        match self {
            Values::Single(x) => x.len(),
            Values::Double(x) => x.len(),
        }
    }

    pub fn get(&self, at: usize) -> f64 {
        match self {
            Values::Single(x) => f64::from(x[at]),
            Values::Double(x) => x[at],
        }
    }

    /// Writes one; of 32 bits where the others are.
    pub fn set(&mut self, at: usize, value: f64) {
        match self {
            Values::Single(x) => x[at] = value as f32,
            Values::Double(x) => x[at] = value,
        }
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = f64> {
        (0..self.len()).map(|at| self.get(at))
    }

    /// The records at `positions`, in that order.
    pub fn gather(&self, positions: &[u32], width: usize) -> Values {
        fn rows<T: Copy>(x: &[T], positions: &[u32], width: usize) -> Vec<T> {
            let mut out = Vec::with_capacity(positions.len() * width);
            positions.iter().for_each(|&at| out.extend_from_slice(&x[at as usize * width..][..width]));
            out
        }
        match self {
            Values::Single(x) => Values::Single(rows(x, positions, width)),
            Values::Double(x) => Values::Double(rows(x, positions, width)),
        }
    }

    /// Of a record's values.
    pub fn words(&self, record: usize, width: usize) -> impl Iterator<Item = u64> {
        (record * width..(record + 1) * width).map(|at| self.get(at).to_bits())
    }
}
