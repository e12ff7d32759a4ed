package transfer

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"math/rand/v2"
	"testing"
)

// IN-K1: whatever the values are, a reader finds as many records as a writer of RFC 4180 has written.
func TestRecordsAreThoseThatWereWritten(t *testing.T) {
	t.Parallel()

	const seed = 4180

	random := rand.New(rand.NewPCG(seed, 0))

	for round := range 2000 {
		var file bytes.Buffer

		writer := csv.NewWriter(&file)
		writer.UseCRLF = round%2 == 0
		count := 1 + random.IntN(5)

		for range count {
			record := []string{"x"} // an empty record is an empty line
			for range random.IntN(4) {
				value := make([]byte, random.IntN(6))
				for i := range value {
					value[i] = "\",\r\n a"[random.IntN(6)]
				}

				record = append(record, string(value))
			}

			random.Shuffle(len(record), func(i, j int) { record[i], record[j] = record[j], record[i] })

			if err := writer.Write(record); err != nil {
				t.Fatal(err)
			}
		}

		writer.Flush()

		text := file.String()
		// The smallest buffer splits lines anywhere.
		reader := &lineReader{from: bufio.NewReaderSize(&file, 16), layout: inTable}

		b := reader.next(nil)
		if len(b.lines) != count {
			t.Fatalf("round %d: %d records, want %d: %q", round, len(b.lines), count, text)
		}

		for _, one := range b.lines {
			if _, err := cells(one.text, 0); err != nil {
				t.Fatalf("round %d: %q of %q: %v", round, one.text, text, err)
			}
		}
	}
}
