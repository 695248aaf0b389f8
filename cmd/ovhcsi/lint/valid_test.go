// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"ovhcloud-csi-provider/provider/class"
	"ovhcloud-csi-provider/provider/place"
	"ovhcloud-csi-provider/provider/yamlnode"
	"ovhcloud-csi-provider/test/classes"
	"ovhcloud-csi-provider/test/withrace"
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

// validSources returns files of 100 classes at random.
func validSources(files, seed, most int) (sources []Source) {
	for file := range files {
		var text strings.Builder
		for i := range 100 {
			number := 100*file + i
			text.WriteString("---\n" + classes.Class(rand.New(rand.NewPCG(uint64(seed), uint64(number))), number, most))
		}
		sources = append(sources, Source{"x.yaml", text.String()})
	}
	return sources
}

// TestNothingIsWrongWithValidClasses makes 1,000 of them at random, with ten objects each, and 200 with the race
// detector. `make classes` runs BenchmarkLint without it, which checks the same of 50,000.
func TestNothingIsWrongWithValidClasses(t *testing.T) {
	options, files := validOptions(t), 10
	if withrace.On {
		files = 2
	}
	for _, source := range validSources(files, 2, classes.Most) {
		if got := Check([]Source{source}, options); len(got) > 0 {
			t.Fatalf("%d findings, the first is %+v\n%s", len(got), got[0],
				strings.Join(strings.Split(source.Text, "\n")[got[0].Line-20:got[0].Line], "\n"))
		}
	}
}

// BenchmarkLint is the time for 50,000 classes in 500 files, and how many times that of the YAML
// library it is, which only parses the classes and their objects.
func BenchmarkLint(b *testing.B) {
	options := validOptions(b)
	for _, most := range []int{5, classes.Most} {
		b.Run(fmt.Sprintf("%d-objects", (1+most)/2), func(b *testing.B) {
			sources := validSources(500, 3, most)
			var floor, took time.Duration
			for b.Loop() {
				started := time.Now()
				parseAll(b, sources)
				floor += time.Since(started)
				started = time.Now()
				if got := Check(sources, options); len(got) > 0 {
					b.Fatal(got[0])
				}
				took += time.Since(started)
			}
			b.ReportMetric(0, "ns/op") // of both together
			b.ReportMetric(took.Seconds()/float64(b.N), "s/50000-classes")
			b.ReportMetric(took.Seconds()/floor.Seconds(), "x-YAML")
		})
	}
}

// parseAll parses the documents of all sources, and the objects in them, on all processors.
func parseAll(b *testing.B, sources []Source) {
	l := &linter{}
	l.inParallel(len(sources), func(_ *linter, i int) {
		documents, err := yamlnode.Documents(sources[i].Text)
		if err != nil {
			b.Error(err)
		}
		for _, n := range documents {
			if _, err := yamlnode.Document(yamlnode.TextAt(n, "spec", "parameters", class.ParamObjects)); err != nil {
				b.Error(err)
			}
		}
	})
}
