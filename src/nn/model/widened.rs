//! A network with further outputs, and what the two have in common.

use super::Model;

impl Model {
    /// The same network with `more` further outputs; none where its head has no row an output.
    pub fn widened(&self, more: usize) -> Option<Model> {
        let wide = Model::build(&self.config().open_ended(), &self.input, self.classes + more).ok()?;
        let mut numbers = vec![0.0; self.layout.whole()];
        self.take_rows(&wide, &vec![0.0; wide.layout.whole()], &mut numbers)?;
        Some(wide)
    }

    /// Puts another network's numbers [layout.whole()] into this one's wherever a tensor has the same name: all of
    /// them, or the first rows where one has more than the other. None, and anything in `numbers`, where a tensor has
    /// no such counterpart.
    pub fn take_rows(&self, other: &Model, theirs: &[f32], numbers: &mut [f32]) -> Option<()> {
        for (entry, places) in self.layout.tensors() {
            let (of, from) = other.layout.tensors().find(|(of, _)| of.name == entry.name)?;
            let ends = |shape: &[usize], rows: usize| shape.first() == Some(&rows);
            let head = ends(&entry.shape, self.classes) && ends(&of.shape, other.classes);
            if entry.shape != of.shape && (!head || entry.shape[1..] != of.shape[1..]) {
                return None;
            }
            let len = places.len().min(from.len());
            numbers.get_mut(places)?[..len].copy_from_slice(theirs.get(from)?.get(..len)?);
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::ModelConfig;

    #[test]
    fn a_wider_head_keeps_its_first_rows() {
        let build = |text: &str, input: &[usize]| {
            let config: ModelConfig = toml::from_str(text).expect("TOML");
            Model::build(&config, input, 3).expect("a network")
        };
        let net = build("layers = [{type='linear',out=4},{type='tanh'},{type='linear',name='head',out=3}]", &[5]);
        let wide = net.widened(2).expect("a row a class");
        assert_eq!((wide.classes, wide.layout.count() - net.layout.count()), (5, 2 * 4 + 2));
        let theta: Vec<f32> = (0..net.layout.whole()).map(|v| v as f32).collect();
        let mut more = vec![-1.0; wide.layout.whole()];
        wide.take_rows(&net, &theta, &mut more).expect("the same names");
        let head = wide.layout.get("head.weight").expect("a head").offset;
        assert_eq!(more[head..head + 12], theta[net.layout.get("head.weight").expect("a head").offset..][..12]);
        assert_eq!(more[head + 12..head + 20], [-1.0; 8]);
        let mut back = vec![0.0; net.layout.whole()];
        net.take_rows(&wide, &more, &mut back).expect("the same names");
        for (entry, places) in net.layout.tensors() {
            assert_eq!(back[places.clone()], theta[places], "{}", entry.name);
        }
        // Heads that are averaged have rows for each of them.
        assert!(build("layers = [{type='gat_conv',out=3,heads=2,concat=false}]", &[5]).widened(1).is_none());
    }
}
