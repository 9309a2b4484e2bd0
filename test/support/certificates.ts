import { generateKeyPair, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import forge from 'node-forge'

/** All in PEM. */
export interface ServerCertificate {
  /** The authority that signed `cert`. */
  ca: string
  cert: string
  key: string
}

export interface Certificates {
  /** What a client has to trust. */
  ca: string
  /** For localhost and 127.0.0.1, signed by `ca`. */
  server: ServerCertificate
  /** An authority that has signed nothing. */
  strangerCa: string
}

interface Identity {
  cert: forge.pki.Certificate
  key: forge.pki.rsa.PrivateKey
}

const day = 86_400_000
const { certificateToPem, privateKeyToPem, privateKeyFromPem, publicKeyFromPem } = forge.pki

/** Made anew for a test run: a stored certificate would expire one day, and a stored key would be found by scanners. */
export async function makeCertificates(): Promise<Certificates> {
  const [authority, stranger] = await Promise.all([makeAuthority('test authority'), makeAuthority('another authority')])
  const ca = certificateToPem(authority.cert)
  const { cert, key } = await makeServer(authority)
  return {
    ca,
    server: { ca, cert: certificateToPem(cert), key: privateKeyToPem(key) },
    strangerCa: certificateToPem(stranger.cert),
  }
}

const makeAuthority = (name: string): Promise<Identity> =>
  makeIdentity(name, [
    { name: 'basicConstraints', cA: true, critical: true },
    { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    { name: 'subjectKeyIdentifier' },
  ])

const makeServer = (authority: Identity): Promise<Identity> =>
  makeIdentity(
    'localhost',
    [
      { name: 'basicConstraints', cA: false },
      { name: 'keyUsage', digitalSignature: true, keyEncipherment: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true, clientAuth: true },
      { name: 'subjectAltName', altNames: [dnsName('localhost'), ipAddress('127.0.0.1')] },
    ],
    authority,
  )

const dnsName = (value: string) => ({ type: 2, value })
const ipAddress = (ip: string) => ({ type: 7, ip })

async function makeIdentity(commonName: string, extensions: object[], issuer?: Identity): Promise<Identity> {
  const { key, publicKey } = await makeKeys()
  const cert = forge.pki.createCertificate()
  const subject = [{ name: 'commonName', value: commonName }]
  cert.publicKey = publicKey
  cert.serialNumber = `01${randomBytes(15).toString('hex')}` // Positive, and without a zero in front, which DER forbids there.
  cert.validity.notBefore = new Date(Date.now() - day) // For containers whose clock is a little behind.
  cert.validity.notAfter = new Date(Date.now() + day)
  cert.setSubject(subject)
  cert.setIssuer(issuer ? issuer.cert.subject.attributes : subject)
  cert.setExtensions(extensions)
  cert.sign(issuer?.key ?? key, forge.md.sha256.create())
  return { cert, key }
}

/** Node makes the keys: in the pure JavaScript of forge it takes seconds. */
async function makeKeys() {
  const keys = await promisify(generateKeyPair)('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  })
  return { key: privateKeyFromPem(keys.privateKey), publicKey: publicKeyFromPem(keys.publicKey) }
}
