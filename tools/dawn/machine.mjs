// A device of Dawn and the cases it runs (see README.md).

import { GUARD, POISON, judge, upTo } from './judge.mjs';

const LIMITS = [
  'maxBufferSize', 'maxStorageBufferBindingSize', 'maxStorageBuffersPerShaderStage', 'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup', 'maxComputeWorkgroupSizeX', 'maxComputeWorkgroupsPerDimension',
];

class Unsupported extends Error {}

/** Words of a buffer: guard, data rounded up to a vec4, guard; all poison but the data. */
function guarded(len, data) {
  const words = new Uint32Array(GUARD + upTo(len, 4) + GUARD).fill(POISON);
  if (data) words.set(data, GUARD);
  return words;
}

/** Neither side of the grid over the limit; the same rule as engine/program.rs. */
function fold(groups, limit) {
  const rows = Math.max(Math.ceil(groups / limit), 1);
  if (rows > limit) throw new Unsupported(`${groups} workgroups`);
  return [Math.ceil(groups / rows), rows];
}

/** A device and what was built on it. */
export class Machine {
  static async open(gpu) {
    const adapter = await gpu.requestAdapter();
    if (!adapter) return null;
    const requiredLimits = Object.fromEntries(LIMITS.map((name) => [name, adapter.limits[name]]));
    const requiredFeatures = adapter.features.has('subgroups') ? ['subgroups'] : [];
    return new Machine(gpu, adapter, await adapter.requestDevice({ requiredFeatures, requiredLimits }));
  }

  /** `gpu` is held because Dawn ends, under its devices, when nothing refers to it any more. */
  constructor(gpu, adapter, device) {
    Object.assign(this, { gpu, adapter, device, modules: new Map(), pipelines: new Map(), lost: null });
    this.subgroup = device.features.has('subgroups') ? (adapter.info.subgroupMinSize ?? 0) : 0;
    device.lost.then((info) => { this.lost = info.message || info.reason; });
  }

  describe() {
    const { vendor, architecture, device, description, subgroupMaxSize } = this.adapter.info;
    const { limits, features } = this.device;
    return {
      index: 0,
      name: [device, vendor].find(Boolean) ?? 'unnamed adapter',
      backend: 'vulkan',
      driver: 'Dawn',
      driver_info: description,
      type: [vendor, architecture].includes('swiftshader') || /llvmpipe/.test(device + description) ? 'cpu' : 'other',
      vendor_id: 0,
      device_id: 0,
      subgroup_min: this.subgroup,
      subgroup_max: this.subgroup && subgroupMaxSize,
      features: [...features],
      limits: {
        max_storage_buffer_binding_bytes: limits.maxStorageBufferBindingSize,
        max_buffer_bytes: limits.maxBufferSize,
        max_storage_buffers: limits.maxStorageBuffersPerShaderStage,
        max_workgroup_storage_bytes: limits.maxComputeWorkgroupStorageSize,
        max_invocations_per_workgroup: limits.maxComputeInvocationsPerWorkgroup,
        max_workgroups_per_dimension: limits.maxComputeWorkgroupsPerDimension,
        min_storage_offset_alignment: limits.minStorageBufferOffsetAlignment,
      },
    };
  }

  module(name, shader) {
    if (!this.modules.has(name)) {
      const wants = /\bsubgroup/.test(shader.wgsl) && !/^\s*enable\s+subgroups/m.test(shader.wgsl);
      const code = (wants ? 'enable subgroups;\n' : '') + shader.wgsl;
      this.modules.set(name, this.device.createShaderModule({ label: name, code }));
    }
    return this.modules.get(name);
  }

  /** The pipeline of one kernel with one set of overrides and one list of accesses. */
  pipeline(command, shader) {
    const types = command.bindings.map((b) => (b.access === 'read' ? 'read-only-storage' : 'storage'));
    if (types.length > this.device.limits.maxStorageBuffersPerShaderStage) {
      throw new Unsupported(`${types.length} storage buffers in one stage`);
    }
    const key = JSON.stringify([command.kernel, command.overrides, types, command.params.length > 0]);
    if (!this.pipelines.has(key)) {
      const entries = types.map((type, i) => ({ binding: i + 1, visibility: GPUShaderStage.COMPUTE,
          buffer: { type } }));
      if (command.params.length) {
        entries.unshift({ binding: 0, visibility: GPUShaderStage.COMPUTE, buffer: { type: 'uniform' } });
      }
      const layout = this.device.createBindGroupLayout({ entries });
      const pipeline = this.device.createComputePipeline({
        label: command.kernel,
        layout: this.device.createPipelineLayout({ bindGroupLayouts: [layout] }),
        compute: { module: this.module(command.kernel, shader), entryPoint: 'main', constants: command.overrides },
      });
      this.pipelines.set(key, { layout, pipeline });
    }
    return this.pipelines.get(key);
  }

  /** A buffer with content; on a lost device this throws. */
  buffer(words, usage) {
    const most = this.device.limits.maxBufferSize;
    if (words.byteLength > most) throw new Unsupported(`a buffer of ${words.byteLength} bytes`);
    const buffer = this.device.createBuffer({ size: words.byteLength, usage: usage | GPUBufferUsage.COPY_DST });
    this.device.queue.writeBuffer(buffer, 0, words);
    return buffer;
  }

  dispatch(encoder, command, held, shaders) {
    const shader = shaders[command.kernel];
    if (!shader) throw new Error(`the export has no shader ${command.kernel}`);
    if (shader.subgroup > this.subgroup) throw new Unsupported(`subgroups of at least ${shader.subgroup} lanes`);
    const { layout, pipeline } = this.pipeline(command, shader);
    const entries = command.bindings.map((b, i) => {
      const size = upTo(Math.max(b.len, 1) * 4, 16);
      if (size > this.device.limits.maxStorageBufferBindingSize) throw new Unsupported(`a binding of ${size} bytes`);
      return { binding: i + 1, resource: { buffer: home(held, b), offset: (GUARD + b.offset) * 4, size } };
    });
    const params = command.params.length && this.params(command.params);
    if (params) entries.unshift({ binding: 0, resource: { buffer: params } });
    const bindGroup = this.device.createBindGroup({ layout, entries });
    const grid = fold(command.groups, this.device.limits.maxComputeWorkgroupsPerDimension);
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, bindGroup);
    pass.dispatchWorkgroups(...grid);
    pass.end();
    return params ? [params] : [];
  }

  params(values) {
    const words = new Uint32Array(upTo(values.length, 4));
    words.set(values);
    return this.buffer(words, GPUBufferUsage.UNIFORM);
  }

  /** Runs a case once; the words of every buffer afterwards, guards included. */
  async run(test, shaders, blob) {
    const { STORAGE, COPY_SRC } = GPUBufferUsage;
    const put = (b, at) => this.buffer(guarded(b.len, at === undefined ? null : blob.words(at, b.len)),
        STORAGE | COPY_SRC);
    this.device.pushErrorScope('validation');
    this.device.pushErrorScope('out-of-memory');
    const held = { buffer: test.buffers.map((b) => put(b, b.init)), temp: (test.temps ?? []).map((t) => put(t)) };
    const made = [...held.buffer, ...held.temp];
    let said = null;
    try {
      const encoder = this.device.createCommandEncoder();
      for (const command of test.commands) made.push(...this.record(encoder, command, held, shaders));
      const reads = held.buffer.map((b) => this.readback(encoder, b));
      made.push(...reads);
      this.device.queue.submit([encoder.finish()]);
      said = await this.complaint();
      if (said) throw new Error(said);
      return await Promise.all(reads.map(words));
    } catch (error) {
      said ??= await this.complaint(); // the scopes must be popped whatever happened
      throw error;
    } finally {
      made.forEach((b) => b.destroy());
    }
  }

  async complaint() {
    const errors = [await this.device.popErrorScope(), await this.device.popErrorScope()];
    return this.lost ?? errors.find((e) => e)?.message ?? '';
  }

  record(encoder, command, held, shaders) {
    if (command.kernel) return command.groups ? this.dispatch(encoder, command, held, shaders) : [];
    const at = (span) => [home(held, span), (GUARD + span.offset) * 4];
    if (command.copy) encoder.copyBufferToBuffer(...at(command.copy.from), ...at(command.copy.to),
        command.copy.len * 4);
    if (command.clear) encoder.clearBuffer(...at(command.clear), command.clear.len * 4);
    return [];
  }

  readback(encoder, from) {
    const { MAP_READ, COPY_DST } = GPUBufferUsage;
    const to = this.device.createBuffer({ size: from.size, usage: MAP_READ | COPY_DST });
    encoder.copyBufferToBuffer(from, 0, to, 0, from.size);
    return to;
  }
}

const home = (held, span) => (span.temp === undefined ? held.buffer[span.buffer] : held.temp[span.temp]);

async function words(buffer) {
  await buffer.mapAsync(GPUMapMode.READ);
  const out = new Uint32Array(buffer.getMappedRange().slice(0));
  buffer.unmap();
  return out;
}

/** Runs a case twice and judges it. */
export async function trial(machine, test, shaders, blob) {
  try {
    const got = await machine.run(test, shaders, blob);
    const { wrong, worst } = judge(test, got, blob);
    if (wrong) return { status: 'fail', message: wrong, worst };
    const again = await machine.run(test, shaders, blob);
    const i = got.findIndex((g, b) => g.some((w, e) => w !== again[b][e]));
    return i < 0 ? { status: 'pass', worst } : { status: 'fail',
        message: `\`${test.buffers[i].name}\` differs from one run to the next` };
  } catch (error) {
    return { status: error instanceof Unsupported ? 'unsupported' : 'fail', message: error.message };
  }
}
