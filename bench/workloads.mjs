// What the benchmarks of connections and requests let a client do.

import http from 'node:http'

/** `once` is called `count` times, some at once, each with what ends it. */
function repeat(count, concurrency, once) {
  let left = count
  return Promise.all(
    Array.from(
      { length: concurrency },
      () =>
        new Promise((resolve, reject) => {
          const next = () => {
            if (left-- <= 0) resolve()
            else once(next, reject)
          }
          next()
        }),
    ),
  )
}

/** How many a second, and the CPU time that each takes in this process. */
async function measured(count, concurrency, once) {
  const cpuFrom = process.cpuUsage()
  const from = process.hrtime.bigint()
  await repeat(count, concurrency, once)
  const elapsed = Number(process.hrtime.bigint() - from)
  const { user, system } = process.cpuUsage(cpuFrom)
  return { rate: (count * 1e9) / elapsed, cpuUs: (user + system) / count }
}

/** Connects, sends, ends, waits for the other end. */
export function churn(open, port, count, concurrency) {
  const options = { port, host: '127.0.0.1' }
  return measured(count, concurrency, (done, failed) => {
    const socket = open(options)
    socket.on('error', failed)
    socket.on('connect', () => socket.end('hello'))
    socket.on('close', done)
    socket.resume()
  })
}

/** `turn` is called with what begins the next request. */
export function requests(agent, port, count, concurrency, turn = (f) => f()) {
  const options = { port, host: '127.0.0.1', agent }
  return measured(count, concurrency, (done, failed) => {
    http
      .get(options, (response) => {
        response.resume()
        response.on('end', () => turn(done))
      })
      .on('error', failed)
  })
}
