// What it costs to find a SOCKET among those of 1,000 connections within one
// process (2,001 TCP handles). Prints one line of JSON, all in µs, medians:
//
//   cold       the first look at a handle
//   warm       the next ones
//   readState  readTcpState() of the package
//   ioctl      the call alone, given the SOCKET, answered by the stand-in
//   above      readState - ioctl

import { once } from 'node:events'
import net from 'node:net'
import { addon, api, connection, listen, standIn } from './stand-in.mjs'

const CONNECTIONS = 1000
const ROUNDS = 50

const us = () => Number(process.hrtime.bigint()) / 1000

function median(values) {
  const sorted = values.toSorted((a, b) => a - b)
  return Number(sorted[sorted.length >> 1].toFixed(3))
}

/** Of one call for each of the things, in turn. */
function timeOf(things, act) {
  const times = []
  for (let round = 0; round < ROUNDS; round++) {
    const begin = us()
    for (const thing of things) act(thing)
    times.push((us() - begin) / things.length)
  }
  return median(times)
}

const ends = []
const t = { after: (end) => ends.unshift(end) }
standIn.pattern()
const server = await listen(t, net.createServer())
const sockets = []
for (let i = 0; i < CONNECTIONS; i++) {
  const accepted = once(server, 'connection')
  const { client } = await connection(t, { server, connect: net.connect })
  const [peer] = await accepted
  sockets.push(client, peer)
}
const handles = sockets.map(({ _handle }) => _handle)

const firstLooks = handles.map((handle) => {
  const begin = us()
  addon.socketOf(handle)
  return us() - begin
})
const cold = median(firstLooks)
const warm = timeOf(handles, addon.socketOf)
const numbers = handles.map(addon.socketOf)
// Turn and turn about: the machine's mood is the same for both.
const readStates = []
const ioctls = []
for (let i = 0; i < 9; i++) {
  readStates.push(timeOf(sockets, api.readTcpState))
  ioctls.push(timeOf(numbers, addon.readState))
}
const readState = median(readStates)
const ioctl = median(ioctls)
const above = median(readStates.map((each, index) => each - ioctls[index]))
console.log(JSON.stringify({ cold, warm, readState, ioctl, above }))
for (const end of ends) end()
