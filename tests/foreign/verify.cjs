// Reads a folder of cases with @sigstore/verify, and says how it judged them.
'use strict'
const { createInterface } = require('node:readline')
const { createReadStream, readFileSync } = require('node:fs')
const { join } = require('node:path')

const [, , folder, modules] = process.argv
// The package tells of its front door only; what is meant here stands behind it.
const from = (file) => require(join(modules, '@sigstore', 'verify', 'dist', 'tlog', file))
const { verifyCheckpoint } = from('checkpoint.js')
const { verifyMerkleInclusion } = from('merkle.js')

const key = {
  logID: Buffer.from(readFileSync(join(folder, 'key.id'), 'utf8'), 'hex'),
  baseURL: readFileSync(join(folder, 'key.txt'), 'utf8').split('+')[0],
  publicKey: require('node:crypto').createPublicKey({
    key: readFileSync(join(folder, 'key.der')), format: 'der', type: 'spki'
  })
}
const bytes = (text) => Buffer.from(text, 'base64')
const verified = new Map()

function head (line) {
  const envelope = bytes(line.note).toString('utf8')
  const found = verifyCheckpoint({ inclusionProof: { checkpoint: { envelope } } }, [key])
  if (found.logSize !== BigInt(line.size) || !found.logHash.equals(bytes(line.root))) {
    throw new Error('another head')
  }
  if (line.how === null) verified.set(line.size, found)
}

function inclusion (line) {
  const known = verified.get(line.size)
  if (line.how === null && !known.logHash.equals(bytes(line.root))) throw new Error('another root')
  verifyMerkleInclusion({
    canonicalizedBody: bytes(line.leaf),
    inclusionProof: { logIndex: String(line.index), hashes: line.path.map(bytes) }
  }, line.how === null ? known : { logSize: BigInt(line.size), logHash: bytes(line.root) })
}

async function judge (name, check) {
  const said = { accepted: 0, refused: 0, let: {}, lost: [] }
  let number = 0
  for await (const text of createInterface({ input: createReadStream(join(folder, name)) })) {
    number += 1
    const line = JSON.parse(text)
    let wrong = null
    try { check(line) } catch (error) { wrong = error }
    if (wrong === null && line.how === null) said.accepted += 1
    else if (wrong === null) said.let[line.how] = (said.let[line.how] ?? 0) + 1
    else if (line.how === null) said.lost.push(`line ${number}: ${wrong.message}`)
    // A fault of this program's own is no verdict.
    else if (wrong instanceof TypeError || wrong instanceof ReferenceError) throw wrong
    else said.refused += 1
  }
  return said
}

async function main () {
  const said = {
    heads: await judge('heads.jsonl', head),
    inclusion: await judge('inclusion.jsonl', inclusion)
  }
  process.stdout.write(JSON.stringify(said) + '\n')
}

main()
