package api

import (
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strconv"
	"strings"
	"time"
)

type format string

const (
	formatJSON   format = "json"
	formatNDJSON format = "ndjson"
	formatCSV    format = "csv"
)

func joinFormats(fs []format) string {
	var b strings.Builder
	for i, f := range fs {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(string(f))
	}
	return b.String()
}

func (f format) contentType() string {
	switch f {
	case formatNDJSON:
		return "application/x-ndjson"
	case formatCSV:
		return "text/csv; charset=utf-8; header=present"
	}
	return "application/json"
}

const (
	defaultLimit = 10_000           // rows of a json array; the contract says so
	maxPage      = 32 << 20         // bytes of a page in memory: about 150,000 readings
	pageTime     = 5 * time.Minute  // to take a page over the network; a usual one is 2 MB
	flushSize    = 128 << 10        // bytes of a stream gathered before they are sent
	flushEvery   = time.Second      // and how long rows wait at most while others come
	flushTime    = 30 * time.Second // for the client to take one flush: a stuck client must not hold a query open
)

var errWrite = errors.New("client gone or too slow")

// list is how rows of type T become an answer.
type list[T any] struct {
	format format
	limit  int // 0: stream; json then has defaultLimit
	header string
	json   func([]byte, *T) []byte
	csv    func([]byte, *T) []byte
	// link names the parameter, and its value, with which the same question goes on after last; cut says that there is more. An empty
	// value: there is nothing to go on with.
	link func(last *T, cut bool) (param, value string)
}

// cursorAfter is a link for lists that end.
func cursorAfter[T any](cursor func(*T) string) func(*T, bool) (string, string) {
	return func(last *T, cut bool) (string, string) {
		if !cut {
			return "", ""
		}
		return "cursor", cursor(last)
	}
}

// encode appends one row as the format has it; first is true for the first row of the answer.
func (l *list[T]) encode(b []byte, row *T, first bool) []byte {
	switch l.format {
	case formatCSV:
		return append(l.csv(b, row), '\n')
	case formatNDJSON:
		return append(l.json(b, row), '\n')
	}
	if !first {
		b = append(b, ",\n"...)
	}
	return l.json(b, row)
}

// begin and end are what stands around the rows.
func (l *list[T]) begin() string {
	switch l.format {
	case formatCSV:
		return l.header + "\n"
	case formatNDJSON:
		return ""
	}
	return "["
}

func (l *list[T]) end() string {
	if l.format == formatJSON {
		return "]\n"
	}
	return ""
}

// answer writes rows to w as l says.
func answer[T any](s *server, w http.ResponseWriter, r *http.Request, l list[T], rows iter.Seq2[T, error]) error {
	if l.limit == 0 && l.format == formatJSON {
		l.limit = defaultLimit
	}
	if l.limit == 0 {
		return stream(w, r, l, rows)
	}
	select { // pages take turns, so that memory stays bounded
	case s.pages <- struct{}{}:
		defer func() { <-s.pages }()
	case <-r.Context().Done():
		return r.Context().Err()
	}
	return page(w, r, l, rows)
}

// page gathers the whole answer before the first header goes out, since only then it is known whether there is more.
func page[T any](w http.ResponseWriter, r *http.Request, l list[T], rows iter.Seq2[T, error]) error {
	var body pageBuffer
	body.add([]byte(l.begin()))
	var line []byte
	var last T
	n, cut := 0, false
	for row, err := range rows {
		if err != nil {
			return err
		}
		if cut = n == l.limit || body.size >= maxPage; cut {
			break
		}
		last = row
		line = l.encode(line[:0], &last, n == 0)
		body.add(line)
		n++
	}
	if param, value := l.link(&last, cut); value != "" {
		setNext(w, r, param, value)
	}
	body.add([]byte(l.end()))
	return body.send(w, l.format)
}

// setNext says where the answer goes on: the same question with one parameter changed.
func setNext(w http.ResponseWriter, r *http.Request, param, value string) {
	query := r.URL.Query()
	query.Set(param, value)
	w.Header().Set("Link", fmt.Sprintf(`<%s?%s>; rel="next"`, r.URL.EscapedPath(), query.Encode()))
}

// pageBuffer grows by chunks, so that a big page is never copied to make room.
type pageBuffer struct {
	chunks [][]byte
	size   int
}

func (p *pageBuffer) add(b []byte) {
	p.size += len(b)
	if len(b) == 0 {
		return
	}
	if n := len(p.chunks) - 1; n >= 0 && len(p.chunks[n])+len(b) <= cap(p.chunks[n]) {
		p.chunks[n] = append(p.chunks[n], b...)
		return
	}
	size := 2 << 10 // most pages are small
	if len(p.chunks) > 0 {
		size = 128 << 10
	}
	p.chunks = append(p.chunks, append(make([]byte, 0, max(size, len(b))), b...))
}

func (p *pageBuffer) send(w http.ResponseWriter, f format) error {
	setDeadline(w, pageTime)
	w.Header().Set("Content-Type", f.contentType())
	w.Header().Set("Content-Length", strconv.Itoa(p.size))
	for _, chunk := range p.chunks {
		if _, err := w.Write(chunk); err != nil {
			return errors.Join(errSent, errWrite, err)
		}
	}
	return nil
}

// stream sends rows as they come, in bounded memory, until there are no more or the client goes.
func stream[T any](w http.ResponseWriter, r *http.Request, l list[T], rows iter.Seq2[T, error]) error {
	w.Header().Set("Content-Type", l.format.contentType())
	if r.Method == http.MethodHead {
		return nil // all that there is to know without reading
	}
	out := newFlusher(w)
	out.buf = append(out.buf, l.begin()...)
	var current T
	for row, err := range rows {
		if err != nil {
			return out.fail(err)
		}
		current = row // one variable for all rows: its address is taken
		out.buf = l.encode(out.buf, &current, false)
		if err := out.flushIfDue(); err != nil {
			return err
		}
	}
	return out.flush()
}

// flusher gathers a stream's bytes and sends them in pieces, each under its own deadline.
type flusher struct {
	w    http.ResponseWriter
	buf  []byte
	sent bool
	last time.Time // of the last flush
}

func newFlusher(w http.ResponseWriter) *flusher {
	return &flusher{w: w, buf: make([]byte, 0, 4<<10), last: time.Now()}
}

// fail returns err, marked if part of the answer has gone out.
func (f *flusher) fail(err error) error {
	if f.sent {
		return errors.Join(errSent, err)
	}
	f.w.Header().Del("Content-Type")
	return err
}

func (f *flusher) flushIfDue() error {
	if len(f.buf) < flushSize && time.Since(f.last) < flushEvery {
		return nil
	}
	return f.flush()
}

func (f *flusher) flush() error {
	f.last = time.Now()
	if len(f.buf) == 0 {
		return nil
	}
	setDeadline(f.w, flushTime)
	f.sent = true
	_, err := f.w.Write(f.buf)
	if err == nil {
		err = http.NewResponseController(f.w).Flush()
		if errors.Is(err, http.ErrNotSupported) {
			err = nil
		}
	}
	f.buf = f.buf[:0]
	if err != nil {
		return errors.Join(errSent, errWrite, err)
	}
	return nil
}

// setDeadline bounds the writes from now on. A writer without deadlines (a test's recorder) goes without.
func setDeadline(w http.ResponseWriter, d time.Duration) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(d))
}
