//! Epochs of LeNet-5 and of the MLP over made-up pictures.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::loss::CrossEntropyLossConfig;
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::nn::{Linear, LinearConfig, PaddingConfig2d};
use burn::optim::{GradientsParams, SgdConfig};
use burn::tensor::{Device, Int, Tensor, TensorData, activation};

use crate::Bench;

#[derive(Module, Debug)]
struct LeNet5 {
    one: Conv2d,
    two: Conv2d,
    pool: MaxPool2d,
    dense: [Linear; 3],
}

#[derive(Module, Debug)]
struct Mlp {
    dense: [Linear; 3],
}

fn dense(sizes: [usize; 4], device: &Device) -> [Linear; 3] {
    [0, 1, 2].map(|i| LinearConfig::new(sizes[i], sizes[i + 1]).init(device))
}

fn head(layers: &[Linear; 3], x: Tensor<2>) -> Tensor<2> {
    let x = activation::relu(layers[0].forward(x));
    layers[2].forward(activation::relu(layers[1].forward(x)))
}

trait Net: Module {
    fn logits(&self, x: Tensor<4>) -> Tensor<2>;
}

impl Net for LeNet5 {
    fn logits(&self, x: Tensor<4>) -> Tensor<2> {
        let x = self.pool.forward(activation::relu(self.one.forward(x)));
        let x = self.pool.forward(activation::relu(self.two.forward(x)));
        head(&self.dense, x.flatten::<2>(1, 3))
    }
}

impl Net for Mlp {
    fn logits(&self, x: Tensor<4>) -> Tensor<2> {
        head(&self.dense, x.flatten::<2>(1, 3))
    }
}

/// Records of an epoch.
const RECORDS: usize = 10_000;

/// A generator of nothing but noise.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn uniform(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1u64 << 24) as f32
    }
}

fn pictures(device: &Device) -> (Tensor<4>, Tensor<1, Int>) {
    let mut noise = Noise(0x9e37_79b9_7f4a_7c15);
    let prototypes: Vec<f32> = (0..7840).map(|_| noise.uniform()).collect();
    let y: Vec<i32> = (0..RECORDS).map(|_| (noise.next() % 10) as i32).collect();
    let mut x = Vec::with_capacity(RECORDS * 784);
    for class in &y {
        x.extend((0..784).map(|at| 0.6 * prototypes[*class as usize * 784 + at] + 0.4 * noise.uniform()));
    }
    let x = Tensor::from_data(TensorData::new(x, [RECORDS, 1, 28, 28]), device);
    (x, Tensor::from_data(TensorData::new(y, [RECORDS]), device))
}

fn epochs<M: Net + Clone>(bench: &mut Bench, name: &str, batch: usize, mut net: M) {
    let device = bench.device.clone().autodiff();
    let (x, y) = pictures(&device);
    let mut optimizer = SgdConfig::new().init();
    let loss = CrossEntropyLossConfig::new().init(&device);
    let (mut order, mut noise): (Vec<i32>, _) = ((0..RECORDS as i32).collect(), Noise(7));
    bench.time(&format!("{name} epoch"), &[RECORDS, batch], 0.0, RECORDS, || {
        for i in (1..RECORDS).rev() {
            order.swap(i, (noise.next() % (i as u64 + 1)) as usize);
        }
        for part in order.chunks(batch) {
            let at = Tensor::<1, Int>::from_data(TensorData::new(part.to_vec(), [part.len()]), &device);
            let (xs, ys) = (x.clone().select(0, at.clone()), y.clone().select(0, at));
            let value = loss.forward(net.logits(xs), ys);
            let gradients = GradientsParams::from_grads(value.backward(), &net);
            net = optimizer.step(0.01, net.clone(), gradients);
        }
        Bench::wait(&device);
    });
}

/// LeNet-5 at batch 64, the MLP at batch 128.
pub fn train(bench: &mut Bench) {
    let device = bench.device.clone().autodiff();
    let lenet5 = LeNet5 {
        one: Conv2dConfig::new([1, 6], [5, 5]).with_padding(PaddingConfig2d::Explicit(2, 2, 2, 2)).init(&device),
        two: Conv2dConfig::new([6, 16], [5, 5]).init(&device),
        pool: MaxPool2dConfig::new([2, 2]).init(),
        dense: dense([400, 120, 84, 10], &device),
    };
    epochs(bench, "lenet5", 64, lenet5);
    let mlp = Mlp { dense: dense([784, 256, 128, 10], &device) };
    epochs(bench, "mlp", 128, mlp);
}
