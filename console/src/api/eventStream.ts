/** One server-sent event. */
export interface StreamEvent {
  id: string
  event: string
  data: string
}

/** Splits a server-sent event stream (WHATWG HTML §9.2) into events, however its bytes are cut. */
export class EventParser {
  private buffer = ''
  private id = ''
  private event = ''
  private data: string[] = []

  push(chunk: string): StreamEvent[] {
    this.buffer += chunk
    const found: StreamEvent[] = []
    let end = this.buffer.indexOf('\n')
    while (end >= 0) {
      this.line(this.buffer.slice(0, end).replace(/\r$/, ''), found)
      this.buffer = this.buffer.slice(end + 1)
      end = this.buffer.indexOf('\n')
    }
    return found
  }

  private line(line: string, found: StreamEvent[]): void {
    if (line === '') {
      if (this.data.length) found.push({ id: this.id, event: this.event || 'message', data: this.data.join('\n') })
      this.id = ''
      this.event = ''
      this.data = []
      return
    }
    const colon = line.indexOf(':')
    if (colon === 0) return
    const field = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (field === 'data') this.data.push(value)
    else if (field === 'event') this.event = value
    else if (field === 'id') this.id = value
  }
}

export type Connection = 'connecting' | 'open' | 'lost'

export interface FollowOptions {
  since: number
  run: string
  onEvent: (event: StreamEvent) => void
  onConnection: (state: Connection) => void
  /** Waits between tries, milliseconds; the last one repeats. */
  waits?: number[]
  /** A stream silent for longer than this (heartbeats count as sound) is taken for dead, milliseconds. */
  silence?: number
  fetcher?: typeof fetch
}

/**
 * Follows the facts from a sequence number on, and comes back after every break with the last one seen,
 * so that none is missed and none is seen twice.
 */
export class EventStream {
  private last: number
  private stopped = false
  private abort = new AbortController()
  private readonly options: FollowOptions

  constructor(options: FollowOptions) {
    this.options = options
    this.last = options.since
  }

  /** Last sequence number seen. */
  get position(): number {
    return this.last
  }

  stop(): void {
    this.stopped = true
    this.abort.abort()
  }

  async follow(): Promise<void> {
    const waits = this.options.waits ?? [300, 600, 1200, 2500, 5000]
    let tries = 0
    while (!this.stopped) {
      try {
        await this.once(() => {
          tries = 0
        })
      } catch {
        // A broken connection is the ordinary case here: said below, tried again after a wait.
      }
      if (this.stopped) return
      this.options.onConnection('lost')
      await new Promise((resolve) => setTimeout(resolve, waits[Math.min(tries++, waits.length - 1)]))
    }
  }

  private async once(opened: () => void): Promise<void> {
    this.options.onConnection('connecting')
    this.abort = new AbortController()
    const fetcher = this.options.fetcher ?? fetch
    const address = `/api/events?since=${this.last}&run=${encodeURIComponent(this.options.run)}`
    const response = await fetcher(address, {
      headers: { Accept: 'text/event-stream', 'Last-Event-ID': String(this.last) },
      signal: this.abort.signal,
    })
    if (!response.ok || !response.body) throw new Error(`event stream answered ${response.status}`)
    opened()
    this.options.onConnection('open')
    const reader = response.body.getReader()
    const decoder = new TextDecoder()
    const parser = new EventParser()
    for (;;) {
      const timer = setTimeout(() => this.abort.abort(), this.options.silence ?? 40_000)
      const { done, value } = await reader.read().finally(() => clearTimeout(timer))
      if (done) return
      for (const event of parser.push(decoder.decode(value, { stream: true }))) this.take(event)
    }
  }

  private take(event: StreamEvent): void {
    if (event.id) {
      const seq = Number(event.id)
      if (seq <= this.last) return
      this.last = seq
    }
    this.options.onEvent(event)
  }
}
