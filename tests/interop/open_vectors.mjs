// Opens the published vectors of seals and values with nothing but node:crypto.
//
//   node open_vectors.mjs VECTORS_FOLDER
//
// Written apart from the program, from formats/seals.md and formats/values.md.
// Prints one JSON line with what was checked; throws at the first thing that is wrong.
import { strict as assert } from "node:assert";
import { createCipheriv, createDecipheriv, createHash, createHmac, timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const folder = process.argv[2];
const load = (name) => JSON.parse(readFileSync(join(folder, name), "utf8"));
const hex = (text) => Buffer.from(text, "hex");
const sha256 = (data) => createHash("sha256").update(data).digest();

function big(value, bytes) {
  return hex(BigInt(value).toString(16).padStart(2 * bytes, "0"));
}

function expand(key, info, size) {
  let block = Buffer.alloc(0);
  const blocks = [];
  for (let count = 1; blocks.length * 64 < size; count += 1) {
    block = createHmac("sha512", key).update(block).update(info).update(Buffer.of(count)).digest();
    blocks.push(block);
  }
  return Buffer.concat(blocks).subarray(0, size);
}

function openBox(key, nonce, box, bound) {
  const cipher = createDecipheriv("aes-256-gcm", key, nonce);
  if (bound) cipher.setAAD(bound);
  cipher.setAuthTag(box.subarray(box.length - 16));
  return Buffer.concat([cipher.update(box.subarray(0, box.length - 16)), cipher.final()]);
}

function need(condition) {
  if (!condition) throw new Error("refused");
}

function unpad(plain) {
  let end = plain.length - 1;
  while (end >= 0 && plain[end] === 0) end -= 1;
  need(end >= 2 && plain[end] === 0x80 && plain.length - end <= 16);
  return plain.subarray(0, end);
}

function openPart(vector) {
  const part = hex(vector.part);
  need(part.length >= 78 && part[0] === 0x4d && part[1] === 1);
  need(part.readUInt16BE(2) === Number(vector.group));
  const salt = part.subarray(20, 44);
  const info = Buffer.concat([
    Buffer.from("muniment/seal/v1\0"), Buffer.of(1), hex(vector.archive), big(vector.type_number, 4),
    hex(vector.subject), hex(vector.record), big(vector.version, 8), big(vector.group, 2), salt,
  ]);
  const okm = expand(hex(vector.data_key), info, 64);
  need(timingSafeEqual(okm.subarray(32), part.subarray(44, 76)));
  const count = part.readUInt16BE(76);
  need(count > 0);
  const opened = [];
  let place = 78;
  let previous = -1;
  for (let index = 0; index < count; index += 1) {
    need(place + 8 <= part.length);
    const number = part.readUInt32BE(place);
    const length = part.readUInt32BE(place + 4);
    need(number > previous && length >= 32 && length % 16 === 0 && place + 8 + length <= part.length);
    previous = number;
    const nonce = Buffer.concat([Buffer.alloc(8), big(number, 4)]);
    const bound = Buffer.concat([big(count, 2), big(number, 4)]);
    const plain = openBox(okm.subarray(0, 32), nonce, part.subarray(place + 8, place + 8 + length), bound);
    opened.push({ number, value: unpad(plain).toString("hex") });
    place += 8 + length;
  }
  need(place === part.length);
  return { opened, facet: part.readBigUInt64BE(4), subject: part.readBigUInt64BE(12) };
}

function fileKeys(vector, salt) {
  const own = Buffer.concat([
    Buffer.from("muniment/file/v1\0"), Buffer.of(1), hex(vector.archive), big(vector.type_number, 4),
    hex(vector.subject), hex(vector.record),
  ]);
  const standard = Buffer.concat([
    Buffer.from("c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0"), salt, big(vector.field, 4), hex(vector.file),
  ]);
  const okm = expand(expand(hex(vector.data_key), own, 32), standard, 76);
  return { key: okm.subarray(0, 32), base: okm.subarray(32, 44), commitment: okm.subarray(44) };
}

function chunkNonce(base, index) {
  const nonce = Buffer.from(base);
  nonce.writeUInt32BE((nonce.readUInt32BE(8) ^ index) >>> 0, 8);
  return nonce;
}

function openFile(vector, sealed) {
  need(sealed[0] === 0x46 && sealed[1] === 1);
  const { key, base, commitment } = fileKeys(vector, sealed.subarray(18, 42));
  need(timingSafeEqual(commitment, sealed.subarray(42, 74)));
  const chunks = [];
  for (let index = 0, place = 74; ; index += 1) {
    const chunk = sealed.subarray(place, place + 16400);
    need(chunk.length >= 16);
    chunks.push(openBox(key, chunkNonce(base, index), chunk, null));
    place += chunk.length;
    if (chunk.length < 16400) {
      need(place === sealed.length);
      return Buffer.concat(chunks);
    }
  }
}

function sealFile(vector, plain) {
  const { key, base, commitment } = fileKeys(vector, hex(vector.salt));
  const made = [
    Buffer.of(0x46, 1), big(vector.facet_slot, 8), big(vector.subject_slot, 8), hex(vector.salt), commitment,
  ];
  for (let index = 0; index * 16384 <= plain.length; index += 1) {
    const cipher = createCipheriv("aes-256-gcm", key, chunkNonce(base, index));
    made.push(cipher.update(plain.subarray(index * 16384, (index + 1) * 16384)), cipher.final(), cipher.getAuthTag());
  }
  return Buffer.concat(made);
}

const exact = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function decode(data) {
  const body = data.subarray(1);
  const text = () => exact.decode(body);
  switch (data[0]) {
    case 1: return text();
    case 2: need(/^(0|-?[1-9][0-9]*)$/.test(text())); return text();
    case 3: need(/^-?(0|[1-9][0-9]*)(\.[0-9]+)?$/.test(text())); return text();
    case 4: {
      const [currency, amount] = text().split(" ");
      need(/^[A-Z]{3}$/.test(currency) && /^-?(0|[1-9][0-9]*)(\.[0-9]+)?$/.test(amount));
      return { amount, currency };
    }
    case 5: {
      need(/^[0-9]{4}-[0-9]{2}-[0-9]{2}$/.test(text()));
      need(new Date(`${text()}T00:00:00Z`).toISOString().startsWith(text()));
      return text();
    }
    case 6: need(body.length === 10); return { micros: String(body.readBigInt64BE(0)), offset_minutes: body.readInt16BE(8) };
    case 7: need(body.length === 1 && body[0] < 2); return body[0] === 1;
    case 8: {
      const list = JSON.parse(text());
      need(Array.isArray(list) && list.every((member) => typeof member === "string"));
      need(JSON.stringify(list) === text());
      return list;
    }
    case 9: need(body.length === 16); return body.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
    case 10: {
      const file = JSON.parse(text());
      need(JSON.stringify(Object.keys(file)) === '["id","name","size","type"]' && JSON.stringify(file) === text());
      return file;
    }
    default: throw new Error("refused");
  }
}

const seals = load("seal.json");
for (const vector of seals.parts) {
  const { opened, facet, subject } = openPart(vector);
  assert.deepEqual(opened, vector.fields, vector.name);
  assert.equal(String(facet), vector.facet_slot);
  assert.equal(String(subject), vector.subject_slot);
  assert.equal(sha256(hex(vector.part)).toString("hex"), vector.sha256);
}
for (const vector of seals.refused) assert.throws(() => openPart(vector), undefined, vector.name);

for (const vector of seals.files) {
  const plain = createHash("shake256", { outputLength: Math.max(vector.size, 1) })
    .update(vector.plain_shake256_of).digest().subarray(0, vector.size);
  // The long ones are not in the file: only the same bytes have the same hash.
  const sealed = vector.sealed ? hex(vector.sealed) : sealFile(vector, plain);
  assert.equal(sha256(sealed).toString("hex"), vector.sha256, vector.name);
  assert.equal(sealed.length, vector.sealed_size);
  assert.ok(openFile(vector, sealed).equals(plain), vector.name);
}

const values = load("values.json");
for (const { encoding, value, bytes } of values.values) {
  assert.equal(hex(bytes)[0], values.encodings[encoding]);
  assert.deepEqual(decode(hex(bytes)), value);
}
for (const bytes of values.refused) assert.throws(() => decode(hex(bytes)), undefined, bytes);

console.log(JSON.stringify({
  parts: seals.parts.length, refused: seals.refused.length, files: seals.files.length,
  values: values.values.length, refused_values: values.refused.length,
}));
