import { describe, expect, it } from 'vitest'
import { people, yuan } from '@/format/number'
import { clockTime, countdown, dayTime } from '@/format/time'
import { en } from '@/i18n/en'
import { zh } from '@/i18n/zh'

describe('time', () => {
  it('is said in the zone of the city, not of the browser', () => {
    expect(clockTime('2026-06-12T16:05:09Z', 'Asia/Shanghai')).toBe('00:05:09')
    expect(dayTime('2024-05-01T02:30:00Z', 'America/Sao_Paulo')).toBe('04-30 23:30')
  })

  it('counts down and says when it is over', () => {
    const now = Date.parse('2026-06-12T06:00:00Z')
    expect(countdown('2026-06-12T06:12:05Z', now)).toBe('12:05')
    expect(countdown('2026-06-12T08:03:10Z', now)).toBe('2:03:10')
    expect(countdown('2026-06-12T05:59:18Z', now)).toBe('-0:42')
  })
})

describe('numbers', () => {
  it('are short in both languages', () => {
    expect(people(84_000, 'zh')).toBe('8.4 万')
    expect(people(84_000, 'en')).toBe('84 k')
    expect(people(840, 'en')).toBe('840')
    expect(yuan(18_400_000, 'zh')).toBe('1 840 万元')
  })
})

function keys(tree: object, at = ''): string[] {
  return Object.entries(tree).flatMap(([key, value]) =>
    typeof value === 'string' ? [`${at}${key}`] : keys(value as object, `${at}${key}.`),
  )
}

describe('languages', () => {
  it('have the same messages, and the same fields in them', () => {
    expect(keys(en).sort()).toEqual(keys(zh).sort())
    const fields = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((m) => m[1]).sort()
    const flat = (tree: object): [string, string][] =>
      Object.entries(tree).flatMap(([k, v]) =>
        typeof v === 'string' ? [[k, v] as [string, string]] : flat(v as object).map(([n, t]): [string, string] => [`${k}.${n}`, t]),
      )
    const chinese = new Map(flat(zh))
    for (const [key, text] of flat(en)) expect(fields(text), key).toEqual(fields(chinese.get(key) ?? ''))
  })
})
