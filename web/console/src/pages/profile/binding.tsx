import { Box, Group, Image, Text, TextInput } from '@mantine/core'
import { bindTotp, getTotpPicture } from '@konec/toolkit-gateway'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'

import { useChange } from '../../change'
import { ask, client } from '../../gateway'
import { Confirm } from '../../parts/confirm'
import { Copyable } from '../../parts/copyable'
import { FailureNote } from '../../parts/failure'
import { useWords } from '../../words'

interface Props {
  otpauth: string
  /** Receives the recovery codes. */
  onBound: (codes: string[]) => void
  onClose: () => void
}

/** Gives the secret to an authenticator app, and has two of its codes come back. */
export function Binding({ otpauth, onBound, onClose }: Props) {
  const words = useWords()
  const [first, setFirst] = useState('')
  const [second, setSecond] = useState('')
  const secret = new URL(otpauth).searchParams.get('secret') ?? ''
  // Asked for here: a browser shows a picture of the same address again from its memory, and this one is another each time.
  const picture = useQuery({
    queryKey: ['picture', otpauth],
    queryFn: async () => {
      const svg = await (await ask(getTotpPicture({ client }))).text()

      return `data:image/svg+xml,${encodeURIComponent(svg)}`
    },
    staleTime: Infinity,
    gcTime: 0,
  })
  const bind = useChange(
    (tss: [string, string]) => ask(bindTotp({ client, body: { tss } })),
    ({ codes }) => onBound(codes),
  )
  const act = () => bind.mutate([first, second])

  const codeField = (label: string, value: string, set: (value: string) => void, description?: string) => (
    <TextInput
      label={label}
      description={description}
      inputWrapperOrder={['label', 'input', 'description', 'error']}
      value={value}
      onChange={(event) => set(event.currentTarget.value.replace(/\s/g, ''))}
      inputMode="numeric"
      autoComplete="off"
      pattern="[0-9]{6}"
      maxLength={6}
      required
      flex={1}
    />
  )

  return (
    <Confirm
        opened
        title={words.profile.bindTitle}
        act={words.profile.finish}
        change={bind}
        onAct={act}
        onClose={onClose}
      >
        <Text size="sm">{words.profile.scan}</Text>
        <FailureNote failure={picture.error} retry={() => void picture.refetch()} />
        <Box bg="white" p="xs" mx="auto" w={200} h={200}>
          {picture.data && <Image src={picture.data} alt={words.profile.qr} w="100%" />}
        </Box>
        <Text size="sm">{words.profile.secret}</Text>
        <Copyable text={secret.replace(/(.{4})(?=.)/g, '$1 ')} />
        <Text size="sm">{words.profile.codes}</Text>
        <Group align="flex-start">
          {codeField(words.profile.first, first, setFirst)}
          {codeField(words.profile.second, second, setSecond, words.profile.secondHint)}
        </Group>
    </Confirm>
  )
}
