import { computed } from 'vue'
import { createI18n, useI18n } from 'vue-i18n'
import type { Text } from '@/api/types'
import { en } from './en'
import { zh } from './zh'

export type Language = 'zh' | 'en'
const KEPT = 'rencheng.language'

function first(): Language {
  const kept = localStorage.getItem(KEPT)
  if (kept === 'zh' || kept === 'en') return kept
  return navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en'
}

export const i18n = createI18n({
  legacy: false,
  locale: first(),
  fallbackLocale: 'en',
  messages: { zh, en },
  missingWarn: false,
  fallbackWarn: false,
})

export function setLanguage(language: Language): void {
  i18n.global.locale.value = language
  localStorage.setItem(KEPT, language)
  document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en'
}

document.documentElement.lang = first() === 'zh' ? 'zh-CN' : 'en'

/** Texts of the API in the chosen language, and terms that may have no translation. */
export function useText() {
  const { locale, t, te } = useI18n()
  const language = computed(() => locale.value as Language)
  const say = (text: Text | null | undefined): string => (text ? text[language.value] || text.en || text.zh : '')
  /** A term of the glossary, or itself in plain words where the glossary has none. */
  const term = (group: string, word: string): string =>
    te(`${group}.${word}`) ? t(`${group}.${word}`) : word.replace(/_/g, ' ')
  return { say, term, language }
}
