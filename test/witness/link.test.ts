import { beforeAll, describe, expect, test } from 'vitest'
import {
  type Ends,
  type Results,
  runOverLink,
  testimoniesIn,
} from './link-run.js'
import { findLinkMissing, ssMissing, timeoutsMissing, titled } from './needs.js'
import { faultsOf, parseSs } from './ss-table.js'

const MIB = 1 << 20
const missing = ssMissing ?? timeoutsMissing ?? (await findLinkMissing())

const SITUATIONS = [
  'delay',
  'loss',
  'randomLoss',
  'reordering',
  'duplicates',
  'congestionMarks',
  'withoutOptions',
  'blackhole',
  'hole',
  'synLost',
  'synAckLost',
  'states',
] as const

/** The records of the two ends. */
function recordsOf({ opener, answerer }: Ends) {
  return { opener: opener.before.record, answerer: answerer.before.record }
}

describe.skipIf(missing)(titled('over a bad link', missing), () => {
  let results: Results

  beforeAll(async () => {
    results = await runOverLink(SITUATIONS)
  }, 60_000)

  test('ss(8) agrees', () => {
    const testimonies = testimoniesIn(results)
    expect(testimonies.length).toBeGreaterThan(30)
    const faults = testimonies.flatMap(([name, { before, said, after }]) =>
      faultsOf({ before, said: said.ss, after }).map(
        (fault) => `${name}: ${fault}`,
      ),
    )
    expect(faults).toEqual([])
    const shown = new Set(
      testimonies.flatMap(([, { said }]) => [
        ...parseSs(said.ss).values.keys(),
      ]),
    )
    expect([...shown]).toEqual(
      expect.arrayContaining([
        ...['ts', 'sack', 'ecn', 'ecnseen', 'wscale', 'rto', 'backoff', 'rtt'],
        ...['ato', 'mss', 'pmtu', 'rcvmss', 'advmss', 'cwnd', 'ssthresh'],
        ...['bytes_sent', 'bytes_retrans', 'bytes_acked', 'bytes_received'],
        ...['segs_out', 'segs_in', 'data_segs_out', 'data_segs_in', 'send'],
        ...['lastsnd', 'lastrcv', 'lastack', 'pacing_rate', 'delivery_rate'],
        ...['delivered', 'delivered_ce', 'app_limited', 'busy', 'unacked'],
        ...[
          'retrans',
          'lost',
          'sacked',
          'dsack_dups',
          'reordering',
          'reord_seen',
        ],
        ...['rcv_rtt', 'rcv_space', 'rcv_ssthresh', 'minrtt', 'rcv_ooopack'],
        'snd_wnd',
      ]),
    )
  })

  test.each([
    ['delay', () => results.delay[0]],
    ['loss', () => results.loss],
    ['random loss', () => results.randomLoss],
    ['reordering', () => results.reordering],
    ['duplicates', () => results.duplicates],
    ['congestion marks', () => results.congestionMarks],
    ['no options', () => results.withoutOptions],
    ['a silent peer', () => results.blackhole.silent],
    ['a peer that was silent', () => results.blackhole.healed],
    ['a hole', () => results.hole.open],
    ['a hole filled', () => results.hole.closed],
    ['a lost SYN', () => results.synLost],
    ['a lost SYN-ACK', () => results.synAckLost],
    ['a FIN under way', () => results.states.ended],
    ['half closed', () => results.states.halfClosed],
    ['two FINs under way', () => results.states.closing],
  ])('the link counted the same: %s', (_, endsOf) => {
    const ends = endsOf() as Ends
    const { opener, answerer } = recordsOf(ends)
    const { up, down } = ends.carried
    expect(opener).toMatchObject({
      segmentsOut: up.packets,
      dataSegmentsOut: up.payloadPackets,
      bytesSent: up.payloadBytes,
      bytesRetransmitted: up.repeatedBytes,
      segmentsRetransmitted: up.repeatedPackets + up.synPackets - 1,
      segmentsIn: down.deliveredPackets,
      dataSegmentsIn: down.deliveredPayloadPackets,
      outOfOrderPacketsIn: down.outOfOrderPackets,
    })
    // Until the handshake is over the accepting side has no socket, only a
    // request: of all SYNs it counts one, of the SYN-ACKs the repeated ones.
    expect(answerer).toMatchObject({
      segmentsOut: down.packets - down.synPackets,
      dataSegmentsOut: down.payloadPackets,
      bytesSent: down.payloadBytes,
      bytesRetransmitted: down.repeatedBytes,
      segmentsRetransmitted: down.repeatedPackets + down.synPackets - 1,
      segmentsIn: up.deliveredPackets - (up.deliveredSynPackets - 1),
      dataSegmentsIn: up.deliveredPayloadPackets,
      outOfOrderPacketsIn: up.outOfOrderPackets,
    })
  })

  test('25 ms each way', () => {
    const all = results.delay.map(recordsOf)
    const of = (pick: (each: ReturnType<typeof recordsOf>) => unknown) =>
      all.map((each) => pick(each) as number)
    for (const times of [
      of(({ opener }) => (opener.rttUs ?? 0) / 1000),
      of(({ opener }) => (opener.minRttUs ?? 0) / 1000),
      of(({ opener }) => opener.connectDurationMs),
      of(({ answerer }) => (answerer.rttUs ?? 0) / 1000),
      of(({ answerer }) => (answerer.minRttUs ?? 0) / 1000),
    ]) {
      expect(Math.min(...times)).toBeGreaterThanOrEqual(50)
      expect(Math.min(...times)).toBeLessThan(80)
    }
    // 200 ms is the least that Linux adds to the round-trip time.
    expect(Math.min(...of(({ opener }) => opener.rtoUs))).toBeGreaterThan(
      250_000,
    )
  })

  test.each([
    ['every 20th packet lost', () => results.loss, 4 * MIB],
    ['3 % of the packets lost', () => results.randomLoss, MIB],
    ['every 20th packet late', () => results.reordering, MIB],
    ['every 10th packet twice', () => results.duplicates, MIB],
    ['every 10th packet marked', () => results.congestionMarks, 100_000],
  ])('%s: a transfer is whole', (_, transferOf, size) => {
    const { opener, answerer } = recordsOf(transferOf())
    expect(opener).toMatchObject({
      bytesSent: size + (opener.bytesRetransmitted ?? Number.NaN),
      bytesAcked: size + 1,
      bytesInFlight: 0,
      sendQueueBytes: 0,
      appBytesWritten: size,
    })
    expect(answerer).toMatchObject({
      bytesReceived: size,
      appBytesRead: size,
    })
  })

  test.each([
    ['every 20th packet lost', () => results.loss],
    ['3 % of the packets lost', () => results.randomLoss],
  ])('%s: what was repaired', (_, transferOf) => {
    const transfer = transferOf()
    const { opener, answerer } = recordsOf(transfer)
    const { droppedPayloadPackets } = transfer.carried.up
    expect(droppedPayloadPackets).toBeGreaterThan(10)
    expect(opener.segmentsRetransmitted).toBeGreaterThanOrEqual(
      droppedPayloadPackets,
    )
    expect(opener.bytesRetransmitted).toBeGreaterThan(
      (droppedPayloadPackets - 1) * (opener.sendMssBytes ?? Number.NaN),
    )
    expect(opener.ssthreshBytes).toBeGreaterThan(0)
    expect(answerer.outOfOrderPacketsIn).toBeGreaterThan(0)
  })

  test.each([
    ['every 20th packet lost', () => results.loss],
    ['3 % of the packets lost', () => results.randomLoss],
    ['every 20th packet late', () => results.reordering],
    ['every 10th packet twice', () => results.duplicates],
  ])('%s: the last record is what ss(8) said before', (_, transferOf) => {
    const { opener, last } = transferOf()
    const { values } = parseSs(opener.said.ss)
    const said = (name: string, index = 0) => values.get(name)?.[index] ?? 0
    expect(last.record).toMatchObject({
      trigger: 'close',
      state: 'ESTABLISHED',
      bytesSent: said('bytes_sent'),
      bytesAcked: said('bytes_acked'),
      bytesRetransmitted: said('bytes_retrans'),
      segmentsRetransmitted: said('retrans', 1),
      segmentsOut: said('segs_out'),
      segmentsIn: said('segs_in'),
    })
  })

  test('late packets are reordering, not loss', () => {
    const { opener, answerer } = recordsOf(results.reordering)
    expect(opener.reorderingEvents).toBeGreaterThan(0)
    expect(opener.rtoCount).toBe(0)
    expect(answerer.outOfOrderPacketsIn).toBeGreaterThan(0)
    expect(results.reordering.carried.up.droppedPackets).toBe(0)
  })

  test('what arrives twice counts twice in segments, once in bytes', () => {
    const { opener, answerer } = recordsOf(results.duplicates)
    const { up } = results.duplicates.carried
    expect(up.deliveredPayloadPackets).toBeGreaterThan(up.payloadPackets)
    expect(answerer.dataSegmentsIn).toBe(up.deliveredPayloadPackets)
    expect(answerer.bytesReceived).toBe(MIB)
    expect(answerer.outOfOrderPacketsIn).toBe(0)
    expect(opener.bytesRetransmitted).toBe(0)
  })

  test('congestion marks', () => {
    const { opener, answerer } = recordsOf(results.congestionMarks)
    const { markedPackets } = results.congestionMarks.carried.up
    expect(markedPackets).toBeGreaterThan(3)
    expect(opener.ecnNegotiated).toBe(true)
    expect(answerer.ecnNegotiated).toBe(true)
    // All that is acknowledged while the peer echoes a mark counts as marked.
    expect(opener.segmentsDeliveredCe).toBeGreaterThanOrEqual(markedPackets)
    expect(results.delay[0]?.opener.before.record.ecnNegotiated).toBe(false)
    const { raw } = results.congestionMarks.answerer.before
    // Since Linux 6.18.
    if (raw.tcpi_received_ce !== undefined) {
      expect(raw.tcpi_received_ce).toBe(markedPackets)
      expect(
        Number(raw.tcpi_received_ce_bytes) + Number(raw.tcpi_received_e0_bytes),
      ).toBe(100_000)
    }
  })

  test('without options', () => {
    for (const record of Object.values(recordsOf(results.withoutOptions))) {
      expect(record).toMatchObject({
        timestamps: false,
        sack: false,
        windowScaling: false,
        ecnNegotiated: false,
      })
      expect(record.sndWscale).toBeUndefined()
      expect(record.rcvWscale).toBeUndefined()
    }
  })

  describe('a silent peer', () => {
    test('timeouts in a row, in a connection that stands', () => {
      const { opener, answerer } = recordsOf(results.blackhole.silent)
      for (const record of [opener, answerer]) {
        expect(record.state).toBe('ESTABLISHED')
        expect(record.consecutiveRtos).toBeGreaterThanOrEqual(2)
        expect(record.rtoCount).toBe(record.consecutiveRtos)
        expect(record.rtoEpisodes).toBe(1)
        expect(record.inLossRecovery).toBe(true)
        expect(record.notSentBytes).toBe(0)
      }
    })

    test('what is in flight; one too low where our SYN was acknowledged', () => {
      const { opener, answerer } = recordsOf(results.blackhole.silent)
      expect(opener.bytesInFlight).toBe(10_000 - 1)
      expect(opener.sendQueueBytes).toBe(10_000 - 1)
      expect(answerer.bytesInFlight).toBe(7_000)
      expect(answerer.sendQueueBytes).toBe(7_000)
      const { said } = results.blackhole.silent.opener
      expect(parseSs(said.ss).sendQueue).toBe(10_000)
      expect(parseSs(said.ss).timeouts).toBe(opener.consecutiveRtos)
    })

    test('that speaks again', () => {
      const { opener, answerer } = recordsOf(results.blackhole.healed)
      for (const record of [opener, answerer]) {
        expect(record.consecutiveRtos).toBe(0)
        expect(record.rtoCount).toBeGreaterThanOrEqual(2)
        expect(record.rtoEpisodes).toBe(1)
        expect(record.inLossRecovery).toBe(false)
        expect(record.bytesInFlight).toBe(0)
      }
      expect(opener.bytesReceived).toBe(7_000)
      expect(answerer.bytesReceived).toBe(10_000)
    })
  })

  test('a hole in what was sent', () => {
    const { opener, answerer } = recordsOf(results.hole.open)
    const { tcpi_sacked, tcpi_lost } = results.hole.open.opener.before.raw
    expect({ tcpi_sacked, tcpi_lost }).toEqual({ tcpi_sacked: 2, tcpi_lost: 1 })
    expect(opener).toMatchObject({ segmentsInFlight: 3, inLossRecovery: true })
    expect(opener.bytesInFlight).toBe(10_000 - 4 * 1448 - 1)
    expect(answerer).toMatchObject({
      bytesReceived: 4 * 1448,
      dataSegmentsIn: 6,
      outOfOrderPacketsIn: 2,
    })
    const after = recordsOf(results.hole.closed)
    expect(after.opener.inLossRecovery).toBe(false)
    expect(after.answerer.bytesReceived).toBe(10_000)
  })

  describe('the handshake', () => {
    test('while the SYN is unanswered', () => {
      const { record, raw } = results.synLost.connecting.before
      expect(record).toMatchObject({
        state: 'SYN_SENT',
        segmentsOut: 1,
        segmentsIn: 0,
        segmentsRetransmitted: 0,
        segmentsInFlight: 1,
        bytesInFlight: 0,
      })
      // The address that was tried.
      expect(record.remotePort).toBeGreaterThan(0)
      expect(record.rttUs).toBeUndefined()
      expect(raw.tcpi_snd_cwnd).toBeGreaterThan(0)
      expect(record.cwndSegments).toBeUndefined()
    })

    // __tcp_retransmit_skb() does not ask what it sends again.
    test('a SYN sent again is a retransmission, without bytes', () => {
      const { opener, answerer } = recordsOf(results.synLost)
      expect(results.synLost.carried.up.droppedPackets).toBe(1)
      expect(opener).toMatchObject({
        segmentsRetransmitted: 1,
        bytesRetransmitted: 0,
        rtoCount: 1,
        rtoEpisodes: 1,
        consecutiveRtos: 0,
        bytesAcked: 1,
      })
      expect(opener.connectDurationMs).toBeGreaterThan(1000)
      expect(opener.connectDurationMs).toBeLessThan(2000)
      expect(answerer).toMatchObject({
        segmentsRetransmitted: 0,
        rtoCount: 0,
        bytesAcked: 0,
      })
    })

    // tcp_create_openreq_child() and its callers hand over what the request had
    // counted.
    test('so is a SYN-ACK', () => {
      const { opener, answerer } = recordsOf(results.synAckLost)
      expect(results.synAckLost.carried.down.droppedPackets).toBe(1)
      expect(opener.segmentsRetransmitted).toBe(1)
      expect(answerer.segmentsRetransmitted).toBeGreaterThanOrEqual(1)
      expect(answerer.bytesRetransmitted).toBe(0)
      expect(answerer.segmentsOut).toBe(0)
    })
  })

  describe('the end', () => {
    test('a FIN under way is a segment in flight, and no byte', () => {
      const { opener, answerer } = recordsOf(results.states.lastAck)
      expect(opener).toMatchObject({ state: 'FIN_WAIT_2', bytesAcked: 3 })
      expect(answerer).toMatchObject({
        state: 'LAST_ACK',
        segmentsInFlight: 2,
        bytesInFlight: 1,
        sendQueueBytes: 1,
        bytesReceived: 2,
      })
      const { said } = results.states.lastAck.answerer
      expect(parseSs(said.ss).sendQueue).toBe(2)
    })

    test.each([
      ['ended', 'FIN_WAIT_1', 'ESTABLISHED'],
      ['halfClosed', 'FIN_WAIT_2', 'CLOSE_WAIT'],
      ['lastAck', 'FIN_WAIT_2', 'LAST_ACK'],
      ['closing', 'CLOSING', 'CLOSING'],
    ] as const)('%s: %s and %s', (name, ofOpener, ofAnswerer) => {
      const { opener, answerer } = recordsOf(results.states[name])
      expect([opener.state, answerer.state]).toEqual([ofOpener, ofAnswerer])
      expect([opener.trigger, answerer.trigger]).toEqual(['demand', 'demand'])
    })

    test('counters outlive the connection', () => {
      const { opener, answerer } = results.states.over
      const counts = { bytesSent: 1, bytesReceived: 2 }
      expect(opener.record).toMatchObject({ ...counts, bytesAcked: 3 })
      expect(answerer.record).toMatchObject({ ...counts, bytesAcked: 2 })
      expect(answerer.record.state).toBe('CLOSED')
    })
  })
})
