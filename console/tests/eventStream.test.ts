import { describe, expect, it } from 'vitest'
import { EventParser, EventStream, type StreamEvent } from '@/api/eventStream'

function body(chunks: string[]): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(encoder.encode(chunk))
      controller.close()
    },
  })
}

function fact(seq: number): string {
  return `id: ${seq}\nevent: TaskCreated\ndata: {"seq":${seq}}\n\n`
}

describe('EventParser', () => {
  it('finds the same events however the bytes are cut', () => {
    const text = `retry: 1000\n\n: still here\n\n${fact(1)}event: clock\ndata: {}\n\n${fact(2)}`
    const whole = new EventParser().push(text)
    const byOne = new EventParser()
    const pieces = [...text].flatMap((letter) => byOne.push(letter))
    expect(pieces).toEqual(whole)
    expect(whole.map((event) => [event.id, event.event])).toEqual([
      ['1', 'TaskCreated'],
      ['', 'clock'],
      ['2', 'TaskCreated'],
    ])
  })
})

describe('EventStream', () => {
  it('comes back after a break with the last number seen, missing none and repeating none', async () => {
    const answers = [[fact(4), fact(5)], [fact(5), fact(6)], [fact(7)]]
    const asked: string[] = []
    const seen: StreamEvent[] = []
    const states: string[] = []
    const stream = new EventStream({
      since: 3,
      run: 'run-1',
      waits: [0],
      onEvent: (event) => {
        seen.push(event)
        if (event.id === '7') stream.stop()
      },
      onConnection: (state) => states.push(state),
      fetcher: (async (address: string | URL | Request) => {
        asked.push(new URL(String(address), 'http://x').searchParams.get('since') ?? '')
        return new Response(body(answers.shift() ?? []))
      }) as typeof fetch,
    })
    await stream.follow()
    expect(asked).toEqual(['3', '5', '6'])
    expect(seen.map((event) => event.id)).toEqual(['4', '5', '6', '7'])
    expect(states.filter((state) => state === 'lost')).toHaveLength(2)
  })

  it('tries again when the server is away', async () => {
    let tries = 0
    const stream = new EventStream({
      since: 0,
      run: '',
      waits: [0],
      onEvent: () => stream.stop(),
      onConnection: () => undefined,
      fetcher: (async () => {
        tries += 1
        if (tries < 3) throw new TypeError('connection refused')
        return new Response(body([fact(1)]))
      }) as typeof fetch,
    })
    await stream.follow()
    expect(tries).toBe(3)
  })
})
