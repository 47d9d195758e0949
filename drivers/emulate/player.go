package emulate

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// Player is a machine that says again what was recorded. Each period it prints what was measured at one time, as names and values:
//
//	temperature=23.18 humidity=27.272 occupied=true
//
// the values as the recording has them, digit by digit. At the end it begins again.
type Player struct {
	out    io.Writer
	period time.Duration
	lines  [][]byte
	next   int
}

// NewPlayer returns a machine that prints on out. The recording is csv with the columns ts_ms, sensor and value.
func NewPlayer(out io.Writer, recording string, period time.Duration) (*Player, error) {
	rows := csv.NewReader(strings.NewReader(recording))
	rows.FieldsPerRecord = 3
	head, err := rows.Read()
	if err != nil {
		return nil, fmt.Errorf("recording: %w", err)
	}
	if got := strings.Join(head, ","); got != "ts_ms,sensor,value" {
		return nil, fmt.Errorf("recording: its columns are %s; want ts_ms,sensor,value", got)
	}
	p := &Player{out: out, period: period}
	last := ""
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("recording: %w", err)
		}
		if row[0] != last || len(p.lines) == 0 {
			p.lines = append(p.lines, nil)
			last = row[0]
		}
		line := &p.lines[len(p.lines)-1]
		if len(*line) > 0 {
			*line = append(*line, ' ')
		}
		*line = fmt.Appendf(*line, "%s=%s", row[1], row[2])
	}
	if len(p.lines) == 0 {
		return nil, errors.New("recording: it is empty")
	}
	for i := range p.lines {
		p.lines[i] = append(p.lines[i], '\n')
	}
	return p, nil
}

// Run prints until ctx ends. It is called once.
func (p *Player) Run(ctx context.Context) { speak(ctx, p.out, p.period, p.line) }

func (p *Player) line() []byte {
	line := p.lines[p.next]
	p.next = (p.next + 1) % len(p.lines)
	return line
}
