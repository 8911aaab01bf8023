// The drivers' workloads over pgx 4: prepared statements, rows scanned into variables, a batch, and a
// goroutine for each of many connections; with --pool over its pool, where that makes a difference.
//
//	pgx [--pool] WORKLOAD URL COUNT
//	pgx [--pool] workloads | version
package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgtype"
	"github.com/jackc/pgx/v4"
	"github.com/jackc/pgx/v4/pgxpool"
)

const connections = 16

var background = context.Background()

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "pgx:", err)
		os.Exit(1)
	}
}

// The clocks of a measurement and the line that it prints.
type measurement struct {
	start     time.Time
	processor float64
	times     []time.Duration
}

// Starts the clocks: what must be there before is there.
func begin() *measurement {
	return &measurement{processor: processorSeconds(), start: time.Now()}
}

func (m *measurement) end(count int, sum float64) {
	seconds := time.Since(m.start).Seconds()
	processor := processorSeconds() - m.processor
	fmt.Printf("seconds=%.9f cpu=%.6f count=%d sum=%.1f", seconds, processor, count, sum)
	fmt.Printf(" peak=%s", peakKibibytes())
	if len(m.times) > 0 {
		sort.Slice(m.times, func(a, b int) bool { return m.times[a] < m.times[b] })
		for _, percent := range []int{50, 95, 99} {
			time := m.times[(len(m.times)-1)*percent/100]
			fmt.Printf(" p%d=%.3f", percent, float64(time.Nanoseconds())/1e3)
		}
	}
	fmt.Println()
}

func processorSeconds() float64 {
	var usage syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e9
}

func peakKibibytes() string {
	text, err := os.ReadFile("/proc/self/status")
	check(err)
	for _, line := range strings.Split(string(text), "\n") {
		if strings.HasPrefix(line, "VmHWM:") {
			return strings.Fields(line)[1]
		}
	}
	return "0"
}

func connect(url string) *pgx.Conn {
	connection, err := pgx.Connect(background, url)
	check(err)
	return connection
}

func prepare(connection *pgx.Conn, sql string) {
	_, err := connection.Prepare(background, "statement", sql)
	check(err)
}

func execute(connection *pgx.Conn, sql string) {
	_, err := connection.Exec(background, sql)
	check(err)
}

func connects(url string, count int) {
	m := begin()
	for number := 0; number < count; number++ {
		check(connect(url).Close(background))
	}
	m.end(count, float64(count))
}

func selectOne(url string, count int) {
	connection := connect(url)
	prepare(connection, "SELECT 1")
	sum := 0.0
	m := begin()
	for number := 0; number < count; number++ {
		start := time.Now()
		var one int32
		check(connection.QueryRow(background, "statement").Scan(&one))
		sum += float64(one)
		m.times = append(m.times, time.Since(start))
	}
	m.end(count, sum)
}

// Runs a query count times, counts the rows and adds up what value makes of each.
func repeat(url string, count int, sql string, value func(pgx.Rows) float64) {
	connection := connect(url)
	prepare(connection, sql)
	sum, seen := 0.0, 0
	m := begin()
	for number := 0; number < count; number++ {
		rows, err := connection.Query(background, "statement")
		check(err)
		for rows.Next() {
			sum += value(rows)
			seen++
		}
		check(rows.Err())
	}
	m.end(seen, sum)
}

func pgType(url string, count int) {
	var oid, space, owner, table uint32
	var name string
	var length int16
	var byValue, preferred, defined bool
	var kind, category, mark int8
	sql := "SELECT oid, typname, typnamespace, typowner, typlen, typbyval, typtype, typcategory," +
		" typispreferred, typisdefined, typdelim, typrelid FROM pg_type WHERE oid < 10000"
	places := []interface{}{
		&oid, &name, &space, &owner, &length, &byValue, (*qchar)(&kind), (*qchar)(&category),
		&preferred, &defined, (*qchar)(&mark), &table,
	}
	repeat(url, count, sql, func(rows pgx.Rows) float64 {
		check(rows.Scan(places...))
		sum := int64(oid) + int64(len(name)) + int64(space) + int64(owner) + int64(length)
		for _, flag := range []bool{byValue, preferred, defined} {
			if flag {
				sum++
			}
		}
		return float64(sum + int64(kind) + int64(category) + int64(mark) + int64(table))
	})
}

// A "char" value: pgx's own type for it has no binary form of a plain variable.
type qchar int8

func (q *qchar) DecodeBinary(_ *pgtype.ConnInfo, bytes []byte) error {
	if len(bytes) != 1 {
		return fmt.Errorf("a char of %d bytes", len(bytes))
	}
	*q = qchar(bytes[0])
	return nil
}

func series(url string, count int) {
	var number int32
	repeat(url, count, "SELECT generate_series(1, 1000)", func(rows pgx.Rows) float64 {
		check(rows.Scan(&number))
		return float64(number)
	})
}

func rows(url string, count int) {
	sql := fmt.Sprintf("SELECT i::int4, 'row ' || i, i::float8 / 2,"+
		" '2026-01-01Z'::timestamptz + i * interval '1 s' FROM generate_series(1, %d) AS i", count)
	var number int32
	var text string
	var half float64
	var moment time.Time
	repeat(url, 1, sql, func(rows pgx.Rows) float64 {
		check(rows.Scan(&number, &text, &half, &moment))
		seconds := (moment.Unix() - 946_684_800) % 1000
		return float64(number) + float64(len(text)) + half + float64(seconds)
	})
}

func byteStrings(url string, count int) {
	sql := "SELECT repeat('x', 1000000)::bytea FROM generate_series(1, 10)"
	repeat(url, count, sql, func(rows pgx.Rows) float64 {
		var value []byte
		check(rows.Scan(&value))
		length := len(value)
		ends := int(value[0]) + int(value[length/2]) + int(value[length-1])
		return float64(length + ends)
	})
}

func arrays(url string, count int) {
	sql := "SELECT array_fill(i, '{100}') FROM generate_series(1, 1000) AS i"
	repeat(url, count, sql, func(rows pgx.Rows) float64 {
		var values []int32
		check(rows.Scan(&values))
		sum := 0.0
		for _, value := range values {
			sum += float64(value)
		}
		return sum
	})
}

func inserts(url string, count int) {
	connection := connect(url)
	execute(connection, "CREATE TEMPORARY TABLE inserted (id int4, name text, document jsonb)")
	prepare(connection, "INSERT INTO inserted VALUES ($1, $2, $3)")
	m := begin()
	batch := &pgx.Batch{}
	for number := 1; number <= count; number++ {
		document := pgtype.JSONB{
			Bytes: []byte(fmt.Sprintf("{\"number\":%d}", number)), Status: pgtype.Present,
		}
		batch.Queue("statement", int32(number), fmt.Sprintf("name %d", number), &document)
	}
	results := connection.SendBatch(background, batch)
	affected := 0.0
	for number := 0; number < count; number++ {
		tag, err := results.Exec()
		check(err)
		affected += float64(tag.RowsAffected())
	}
	check(results.Close())
	m.end(count, affected)
}

func copyIn(url string, count int) {
	connection := connect(url)
	execute(connection, "CREATE TEMPORARY TABLE copied (id int4, name text, score float8)")
	m := begin()
	source := pgx.CopyFromSlice(count, func(index int) ([]interface{}, error) {
		number := index + 1
		return []interface{}{int32(number), fmt.Sprintf("name %d", number), float64(number) / 2}, nil
	})
	columns := []string{"id", "name", "score"}
	copied, err := connection.CopyFrom(background, pgx.Identifier{"copied"}, columns, source)
	check(err)
	m.end(count, float64(copied))
}

// Runs the work of each connection in a goroutine of its own.
func together(work func(index int) float64) float64 {
	var group sync.WaitGroup
	var sums [connections]float64
	for index := range sums {
		group.Add(1)
		go func(index int) {
			defer group.Done()
			sums[index] = work(index)
		}(index)
	}
	group.Wait()
	sum := 0.0
	for _, one := range sums {
		sum += one
	}
	return sum
}

func sixteen(url string, count int) {
	var opened [connections]*pgx.Conn
	for index := range opened {
		opened[index] = connect(url)
		prepare(opened[index], "SELECT 1")
	}
	m := begin()
	sum := together(func(index int) float64 {
		sum := 0.0
		for number := 0; number < count/connections; number++ {
			var one int32
			check(opened[index].QueryRow(background, "statement").Scan(&one))
			sum += float64(one)
		}
		return sum
	})
	m.end(count, sum)
}

func openPool(url string) *pgxpool.Pool {
	configuration, err := pgxpool.ParseConfig(url)
	check(err)
	configuration.MinConns, configuration.MaxConns = connections, connections
	configuration.AfterConnect = func(_ context.Context, connection *pgx.Conn) error {
		_, err := connection.Prepare(background, "statement", "SELECT 1")
		return err
	}
	pool, err := pgxpool.ConnectConfig(background, configuration)
	check(err)
	for pool.Stat().IdleConns() < connections {
		time.Sleep(time.Millisecond)
	}
	return pool
}

func sixteenOfPool(url string, count int) {
	pool := openPool(url)
	m := begin()
	sum := together(func(int) float64 {
		sum := 0.0
		for number := 0; number < count/connections; number++ {
			var one int32
			check(pool.QueryRow(background, "statement").Scan(&one))
			sum += float64(one)
		}
		return sum
	})
	m.end(count, sum)
}

func selectOneOfPool(url string, count int) {
	pool := openPool(url)
	sum := 0.0
	m := begin()
	for number := 0; number < count; number++ {
		start := time.Now()
		var one int32
		check(pool.QueryRow(background, "statement").Scan(&one))
		sum += float64(one)
		m.times = append(m.times, time.Since(start))
	}
	m.end(count, sum)
}

// The version of Debian's package: in GOPATH mode the program itself does not know it.
func version() string {
	query := exec.Command("dpkg-query", "-W", "-f=${Version}", "golang-github-jackc-pgx-v4-dev")
	text, err := query.Output()
	if err != nil {
		text = []byte("4")
	}
	return string(text) + ", " + runtime.Version()
}

func main() {
	words := os.Args[1:]
	workloads := map[string]func(string, int){
		"select-one": selectOne, "select-one-tls": selectOne, "pg-type": pgType, "series": series,
		"rows": rows, "rows-tls": rows, "bytes": byteStrings, "arrays": arrays, "copy-in": copyIn,
		"inserts": inserts, "sixteen": sixteen, "connect": connects, "connect-first": connects,
		"connect-tls": connects,
	}
	if len(words) > 0 && words[0] == "--pool" {
		words = words[1:]
		workloads = map[string]func(string, int){
			"select-one": selectOneOfPool, "sixteen": sixteenOfPool,
		}
	}
	switch {
	case len(words) == 1 && words[0] == "version":
		fmt.Println(version())
	case len(words) == 1 && words[0] == "workloads":
		for name := range workloads {
			fmt.Println(name)
		}
	case len(words) == 3 && workloads[words[0]] != nil:
		count, err := strconv.Atoi(words[2])
		check(err)
		workloads[words[0]](words[1], count)
	default:
		check(fmt.Errorf("usage: pgx [--pool] WORKLOAD URL COUNT | workloads | version"))
	}
}
