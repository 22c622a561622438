import { defineStore } from 'pinia'
import { computed, ref, shallowRef } from 'vue'
import { read } from '@/api/client'
import { type Connection, EventStream, type StreamEvent } from '@/api/eventStream'
import type { Clock, Fact, Picture, Warning } from '@/api/types'
import { useClock } from './clock'

const REFRESH_MS = 300
const FACTS_KEPT = 400
const BEFORE = 200

/** The common operating picture: read once, then kept fresh by the facts that stream in. */
export const usePicture = defineStore('picture', () => {
  const picture = shallowRef<Picture | null>(null)
  const facts = shallowRef<Fact[]>([])
  const connection = ref<Connection>('connecting')
  const failure = ref('')
  const risen = shallowRef<{ warning: string; colour: string; seq: number } | null>(null)
  const clock = useClock()

  let stream: EventStream | null = null
  let wanted = false
  let busy = false
  let lastRead = 0

  const warnings = computed<Warning[]>(() => picture.value?.warnings ?? [])
  const standing = computed(() => warnings.value.filter((w) => w.state === 'in_force'))

  async function begin(): Promise<void> {
    stream?.stop()
    picture.value = null
    for (;;) {
      try {
        await refresh()
        break
      } catch (error) {
        failure.value = error instanceof Error ? error.message : String(error)
        connection.value = 'lost'
        await new Promise((resolve) => setTimeout(resolve, 1500))
      }
    }
    const now = picture.value as Picture | null
    if (!now) return
    await history(now.seq)
    stream = new EventStream({
      since: now.seq,
      run: now.clock.run_id,
      onEvent: take,
      onConnection: (state) => {
        if (state === 'open' && connection.value === 'lost') want()
        connection.value = state
      },
    })
    void stream.follow()
  }

  async function history(seq: number): Promise<void> {
    const page = await read<{ facts: Fact[] }>(`/api/facts?since=${Math.max(0, seq - BEFORE)}&limit=${BEFORE}`)
    facts.value = page.facts.filter((fact) => fact.seq <= seq)
  }

  function take(event: StreamEvent): void {
    if (event.event === 'clock') {
      clock.set(JSON.parse(event.data) as Clock)
      return
    }
    if (event.event === 'reset') {
      void begin()
      return
    }
    const fact = JSON.parse(event.data) as Fact
    facts.value = [...facts.value.slice(-(FACTS_KEPT - 1)), fact]
    if (fact.kind === 'WarningIssued' || fact.kind === 'WarningUpgraded') announce(fact)
    want()
  }

  function announce(fact: Fact): void {
    const body = fact.body as { warning_id?: string; notice?: { colour?: string } }
    risen.value = { warning: body.warning_id ?? '', colour: body.notice?.colour ?? '', seq: fact.seq }
  }

  /** Asks for a fresh picture, at most once in REFRESH_MS and never two at a time. */
  function want(): void {
    if (wanted) return
    wanted = true
    const wait = Math.max(0, lastRead + REFRESH_MS - performance.now())
    setTimeout(() => void attempt(), wait)
  }

  async function attempt(): Promise<void> {
    if (busy) {
      setTimeout(() => void attempt(), REFRESH_MS)
      return
    }
    wanted = false
    try {
      await refresh()
    } catch (error) {
      failure.value = error instanceof Error ? error.message : String(error)
    }
  }

  async function refresh(): Promise<void> {
    busy = true
    try {
      const fresh = await read<Picture>('/api/state')
      if (!picture.value || fresh.seq >= picture.value.seq || fresh.clock.run_id !== picture.value.clock.run_id) {
        picture.value = fresh
      }
      clock.set(fresh.clock)
      failure.value = ''
      if (!lastRead) performance.mark('rencheng:picture')
    } finally {
      busy = false
      lastRead = performance.now()
    }
  }

  return { picture, facts, connection, failure, risen, warnings, standing, begin, want }
})
