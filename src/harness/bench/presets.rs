//! Lists of operations with the shapes that a known network, or the work of forgetting, gives them.

/// An operation and the numbers of its shape.
pub type Ask = (&'static str, Vec<usize>);

/// One list.
pub struct Preset {
    /// The word after `--preset`.
    pub name: &'static str,
    /// What it stands for.
    pub about: &'static str,
    /// Records, tokens or nodes in a step, where `--batch` says nothing else; 0 where a step is the whole graph.
    pub batch: usize,
    list: fn(usize) -> Vec<Ask>,
}

impl Preset {
    /// Operations and shapes, each once.
    pub fn list(&self, batch: Option<usize>) -> Vec<Ask> {
        let mut all: Vec<Ask> = Vec::new();
        for row in (self.list)(batch.unwrap_or(self.batch)) {
            if !all.contains(&row) {
                all.push(row);
            }
        }
        all
    }
}

/// Every list.
pub static PRESETS: &[Preset] = &[
    Preset { name: "lenet5", about: "a training step of LeNet-5 on 28x28 pictures", batch: 64, list: lenet5 },
    Preset {
        name: "resnet18",
        about: "the convolutions of ResNet-18 on 224x224 pictures, three ways",
        batch: 16,
        list: resnet18,
    },
    Preset { name: "gcn-cora", about: "an epoch of a GCN with 16 hidden units on Cora", batch: 0, list: gcn_cora },
    Preset {
        name: "arxiv",
        about: "a layer of 256 on 169 343 nodes with 2 484 941 entries (ogbn-arxiv both ways, with loops)",
        batch: 0,
        list: arxiv,
    },
    Preset { name: "gpt2-small", about: "a block of GPT-2 small and its head", batch: 1024, list: gpt2_small },
    Preset {
        name: "fisher",
        about: "what Fisher diagonals, norms and rows of records' own gradients are made of",
        batch: 128,
        list: fisher,
    },
];

/// Forward, gradient in the input, gradient in the weight of a dense layer.
fn dense(all: &mut Vec<Ask>, batch: usize, inputs: usize, outputs: usize) {
    all.push(("matmul_nt", vec![batch, outputs, inputs]));
    all.push(("matmul_nn", vec![batch, inputs, outputs]));
    all.push(("matmul_tn", vec![outputs, inputs, batch]));
}

fn conv(all: &mut Vec<Ask>, shape: &[usize]) {
    all.extend(["conv2d_fwd", "conv2d_bwd_x", "conv2d_bwd_w"].map(|op| (op, shape.to_vec())));
}

/// The two convolutions of LeNet-5, first and second.
fn lenet5_convs(batch: usize) -> [[usize; 8]; 2] {
    [[batch, 1, 28, 28, 6, 5, 1, 2], [batch, 6, 14, 14, 16, 5, 1, 0]]
}

fn lenet5(batch: usize) -> Vec<Ask> {
    let mut all = Vec::new();
    lenet5_convs(batch).iter().for_each(|shape| conv(&mut all, shape));
    for (inputs, outputs) in [(400, 120), (120, 84), (84, 10)] {
        dense(&mut all, batch, inputs, outputs);
    }
    all.push(("relu", vec![batch * 6 * 28 * 28]));
    all.push(("relu_bwd", vec![batch * 6 * 28 * 28]));
    all.push(("max_pool", vec![batch, 6, 28, 28, 2]));
    all.push(("softmax_xent", vec![batch, 10]));
    all.push(("sgd", vec![61_706]));
    all
}

fn resnet18(batch: usize) -> Vec<Ask> {
    let mut all = Vec::new();
    // Channels in, side, channels out, kernel, stride, padding.
    let layers = [
        [64, 56, 64, 3, 1, 1],
        [128, 28, 128, 3, 1, 1],
        [256, 14, 256, 3, 1, 1],
        [512, 7, 512, 3, 1, 1],
        [64, 56, 128, 3, 2, 1],
        [256, 14, 512, 3, 2, 1],
        [64, 56, 128, 1, 2, 0],
        [256, 14, 512, 1, 2, 0],
        [3, 224, 64, 7, 2, 3],
    ];
    for [ci, side, co, kernel, stride, padding] in layers {
        conv(&mut all, &[batch, ci, side, side, co, kernel, stride, padding]);
    }
    all.push(("relu", vec![batch * 64 * 56 * 56]));
    all
}

fn gcn_cora(_: usize) -> Vec<Ask> {
    let mut all = vec![("spmm", vec![2708, 13_264, 16]), ("spmm", vec![2708, 13_264, 7])];
    dense(&mut all, 2708, 16, 7);
    all.extend([("relu", vec![2708 * 16]), ("softmax_xent", vec![140, 7]), ("adam", vec![23_063])]);
    all
}

fn arxiv(_: usize) -> Vec<Ask> {
    let mut all = vec![("spmm", vec![169_343, 2_484_941, 256]), ("spmm", vec![169_343, 2_484_941, 40])];
    dense(&mut all, 169_343, 256, 256);
    all.extend([("relu", vec![169_343 * 256]), ("softmax_xent", vec![90_941, 40])]);
    all
}

fn gpt2_small(tokens: usize) -> Vec<Ask> {
    let mut all = Vec::new();
    for (inputs, outputs) in [(768, 2304), (768, 768), (768, 3072), (3072, 768)] {
        dense(&mut all, tokens, inputs, outputs);
    }
    all.push(("matmul_nt", vec![tokens, 50_257, 768]));
    all.extend([("layer_norm", vec![tokens, 768]), ("layer_norm_bwd", vec![tokens, 768])]);
    all.extend([("gelu", vec![tokens * 3072]), ("softmax_xent", vec![tokens, 50_257]), ("adam", vec![7_087_872])]);
    all
}

fn fisher(batch: usize) -> Vec<Ask> {
    let mut all = vec![("matmul_square", vec![256, 784, batch]), ("matmul_square", vec![120, 400, batch])];
    for shape in lenet5_convs(batch) {
        all.extend(["conv2d_square", "conv2d_norms"].map(|op| (op, shape.to_vec())));
    }
    all.extend([("outer", vec![batch, 256, 784]), ("row_norms", vec![batch, 784]), ("dampen", vec![235_146])]);
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::asked::ops;

    #[test]
    fn every_row_of_every_list_is_a_shape_of_an_operation() {
        let ops = ops();
        for preset in PRESETS {
            let list = preset.list(None);
            assert!(list.len() >= 5, "{}", preset.name);
            for (name, shape) in list {
                let op = ops.iter().find(|op| op.name == name).unwrap_or_else(|| panic!("{}: {name}", preset.name));
                assert_eq!(op.shape(&shape), Ok(shape), "{}: {name}", preset.name);
                assert!(preset.batch > 0 || preset.list(Some(1)).len() == preset.list(None).len());
            }
        }
    }
}
