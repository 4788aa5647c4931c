// What comes from stdin goes to Perfetto's trace processor, as its web page would send it; what
// that answers goes to stdout. The page's own code runs here as in the worker that it is made for.
"use strict";
const { readFileSync, writeSync } = require("node:fs");
const vm = require("node:vm");

const folder = process.argv[2];

class FileRequest {
  open(method, name) {
    this.name = name;
  }
  send() {
    this.status = 200;
    this.response = new Uint8Array(readFileSync(`${folder}/${this.name}`)).buffer;
  }
}

function answer(bytes) {
  for (let done = 0; done < bytes.length; ) done += writeSync(1, bytes, done);
}

const worker = { location: { href: "http://localhost/" } };
const names = [
  "WebAssembly", "TypeError", "Error", "TextDecoder", "TextEncoder", "performance", "crypto",
  "setTimeout", "ArrayBuffer", "Uint8Array", "Uint16Array", "Uint32Array", "Int8Array",
  "Int16Array", "Int32Array", "Float32Array", "Float64Array", "BigInt64Array", "BigUint64Array",
];
const world = Object.fromEntries(names.map((name) => [name, globalThis[name]]));
vm.createContext(
  Object.assign(world, {
    self: worker,
    location: worker.location,
    XMLHttpRequest: FileRequest,
    WorkerGlobalScope: Object,
    importScripts() {},
    console: { log() {}, warn() {}, error: console.error },
  }),
);
vm.runInContext(readFileSync(`${folder}/engine_bundle.js`, "utf8"), world);
const port = { postMessage: answer };
worker.onmessage({ data: port });
setImmediate(() => port.onmessage({ data: new Uint8Array(readFileSync(0)) }));
