import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

export interface Certificate {
  readonly key: string
  readonly cert: string
  /** For NODE_EXTRA_CA_CERTS. */
  readonly file: string
}

// `openssl req -x509` takes no dates in the past, `openssl ca` does.
const CA_CONFIG = `
[ca]
default_ca = here
[here]
database = index.txt
serial = serial
new_certs_dir = .
default_md = sha256
policy = any
x509_extensions = names
[any]
commonName = supplied
[names]
subjectAltName = DNS:localhost
`

/** Self-signed certificates for localhost, in a folder of their own. */
export class Certificates {
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'tcpinfo-cli-'))

  constructor() {
    writeFileSync(path.join(this.#folder, 'ca.cnf'), CA_CONFIG)
    writeFileSync(path.join(this.#folder, 'index.txt'), '')
    writeFileSync(path.join(this.#folder, 'serial'), '01\n')
  }

  valid(): Certificate {
    return this.#signed('valid', '20200101000000Z', '20491231000000Z')
  }

  expired(): Certificate {
    return this.#signed('expired', '20200101000000Z', '20200102000000Z')
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true })
  }

  #signed(name: string, from: string, to: string): Certificate {
    const [key, request, cert] = ['key', 'csr', 'pem'].map(
      (extension) => `${name}.${extension}`,
    ) as [string, string, string]
    this.#openssl(
      'req -new -newkey rsa:2048 -nodes -subj',
      `/CN=${name}`,
      `-keyout ${key} -out ${request}`,
    )
    this.#openssl(
      `ca -batch -notext -config ca.cnf -selfsign -keyfile ${key}`,
      `-in ${request} -out ${cert} -startdate ${from} -enddate ${to}`,
    )
    const file = path.join(this.#folder, cert)
    return {
      key: readFileSync(path.join(this.#folder, key), 'utf8'),
      cert: readFileSync(file, 'utf8'),
      file,
    }
  }

  #openssl(...words: string[]): void {
    execFileSync('openssl', words.join(' ').split(' '), {
      cwd: this.#folder,
      stdio: 'pipe',
    })
  }
}
