/**
 * A program in C that prints struct tcp_info of its descriptor 3, member for
 * member, as the system's own header declares it.
 */

import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

interface Declared {
  readonly name: string
  readonly isBitField: boolean
}

/** The members that <linux/tcp.h> of this system declares, in their order. */
function declaredMembers(): Declared[] {
  const header = execFileSync('cc', ['-E', '-P', '-xc', '-'], {
    input: '#include <linux/tcp.h>\n',
    encoding: 'utf8',
  })
  const body = /struct tcp_info \{([^}]*)\}/.exec(header)?.[1] ?? ''
  return body.split(/[;,]/).flatMap((declaration) => {
    const [, name, width] = /(\w+)\s*(:\s*\d+)?\s*$/.exec(declaration) ?? []
    return name ? [{ name, isBitField: width !== undefined }] : []
  })
}

// A bit field has no address: which bits are its own shows when all of them are
// set.
const statementFor = ({ name, isBitField }: Declared): string =>
  isBitField
    ? `  memset(&probe, 0, sizeof probe);
  probe.info.${name} = ~0;
  for (offset = 0; !probe.bytes[offset]; offset++);
  print("${name}", offset, 1, probe.bytes[offset], answer.info.${name});`
    : `  print("${name}", offsetof(struct tcp_info, ${name}),
        sizeof answer.info.${name}, 0, answer.info.${name});`

const source = (members: readonly Declared[]): string => `
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static union { struct tcp_info info; unsigned char bytes[1024]; } answer, probe;
static const char *separator = "";

static void print(const char *name, size_t offset, size_t size, unsigned mask,
                  unsigned long long value) {
  printf("%s\\"%s\\":{\\"offset\\":%zu,\\"size\\":%zu,\\"mask\\":%u,\\"value\\":\\"%llu\\"}",
         separator, name, offset, size, mask, value);
  separator = ",";
}

int main(void) {
  socklen_t filled = sizeof answer;
  size_t offset;
  if (getsockopt(3, IPPROTO_TCP, TCP_INFO, &answer, &filled) != 0) return 1;
  printf("{\\"size\\":%zu,\\"filled\\":%u,\\"members\\":{",
         sizeof answer.info, filled);
${members.map(statementFor).join('\n')}
  printf("}}\\n");
  return 0;
}
`

export interface Compiled {
  readonly program: string
  readonly names: readonly string[]
  remove(): void
}

export function compileWitness(): Compiled {
  const directory = mkdtempSync(path.join(tmpdir(), 'witness-'))
  const program = path.join(directory, 'witness')
  const members = declaredMembers()
  writeFileSync(`${program}.c`, source(members))
  execFileSync('cc', ['-Wall', '-o', program, `${program}.c`])
  return {
    program,
    names: members.map(({ name }) => name),
    remove: () => rmSync(directory, { recursive: true }),
  }
}
