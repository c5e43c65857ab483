import { useRouter } from '@tanstack/react-router'
import { useEffect, useEffectEvent, useRef, useState } from 'react'

import { SearchInput, useDebounced } from '../ui/index.ts'

interface Props {
  /** As the URL has it. */
  value: string | undefined
  onChange: (value: string | undefined) => void
  placeholder: string
}

/** So long nobody types before the URL and the list change. */
const REST_MS = 120

/** A search whose words are in the URL. It has its own text: a URL changes too late for typing. */
export function SearchFilter({ value = '', onChange, placeholder }: Props) {
  const [text, setText] = useState(value)
  const sent = useRef(value)
  const settled = useDebounced(text, REST_MS)
  const router = useRouter()
  const [home] = useState(router.latestLocation.pathname)
  const send = useEffectEvent(() => {
    // Whoever has gone on to another page within the rest is not called back.
    if (settled.trim() === sent.current || router.latestLocation.pathname !== home) return
    sent.current = settled.trim()
    onChange(sent.current || undefined)
  })
  useEffect(() => send(), [settled])
  useEffect(() => {
    // Somebody else has changed the URL.
    if (value === sent.current) return
    sent.current = value
    setText(value)
  }, [value])
  return <SearchInput onChange={setText} placeholder={placeholder} value={text} />
}
