// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"ovhcloud-csi-provider/provider/place"
	"ovhcloud-csi-provider/test/classes"
)

// validOptions are those that the classes at random need.
func validOptions(t testing.TB) Options {
	t.Helper()
	endpoints, err := place.ParseEndpoints([]string{"okms.example:8443"})
	if err != nil {
		t.Fatal(err)
	}
	return Options{Endpoints: endpoints}
}

// TestNothingIsWrongWithValidClasses makes 1,000 of them at random, with ten objects each. `make classes` runs
// BenchmarkLint, which checks the same of 50,000.
func TestNothingIsWrongWithValidClasses(t *testing.T) {
	options := validOptions(t)
	for file := range 10 {
		var text strings.Builder
		for i := range 100 {
			number := 100*file + i
			text.WriteString("---\n" + classes.Class(rand.New(rand.NewPCG(2, uint64(number))), number))
		}
		if got := Check([]Source{{"x.yaml", text.String()}}, options); len(got) > 0 {
			t.Fatalf("%d findings, the first is %+v\n%s", len(got), got[0],
				strings.Join(strings.Split(text.String(), "\n")[got[0].Line-20:got[0].Line], "\n"))
		}
	}
}

// BenchmarkLint is the time for 50,000 classes in 500 files.
func BenchmarkLint(b *testing.B) {
	var sources []Source
	var size int
	for file := range 500 {
		var text strings.Builder
		for i := range 100 {
			number := 100*file + i
			text.WriteString("---\n" + classes.Class(rand.New(rand.NewPCG(3, uint64(number))), number))
		}
		sources = append(sources, Source{"x.yaml", text.String()})
		size += text.Len()
	}
	options := validOptions(b)
	b.SetBytes(int64(size))
	for b.Loop() {
		started := time.Now()
		if got := Check(sources, options); len(got) > 0 {
			b.Fatal(got[0])
		}
		b.ReportMetric(time.Since(started).Seconds(), "s/50000-classes")
	}
}
