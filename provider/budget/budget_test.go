// SPDX-License-Identifier: Apache-2.0

package budget

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestTheSum checks that the parts of the budget add up to at most its total.
func TestTheSum(t *testing.T) {
	for _, limit := range []int64{0, 1, 64 << 20, 100 << 20, 128 << 20, 200 << 20, 256 << 20, 300 << 20, 1 << 30,
		64 << 30} {
		s := For(limit)
		if sum := s.Sum(); sum > s.Total || s.Total > s.Limit*5/8 || sum < s.Total*9/10 {
			t.Errorf("%d MiB: %d of %d bytes are assigned", limit>>20, sum, s.Total)
		}
		for stage, part := range s.Parts {
			if part < 1<<20 {
				t.Errorf("%d MiB: stage %d has %d bytes", limit>>20, stage, part)
			}
		}
		if s.Reads < 16 || s.Connections < s.Reads || s.Readers < 1 || s.Parts[Unread] < 100*UnreadRequest {
			t.Errorf("%d MiB: %+v", limit>>20, s)
		}
		t.Logf("%4d MiB: %+v", s.Limit>>20, s)
	}
	if For(0) != For(DefaultLimit) || For(1) != For(leastLimit) {
		t.Error("an unknown limit differs from the default, or a tiny one from the smallest")
	}
}

func TestAnAccountGivesEverythingBack(t *testing.T) {
	b := New(0)
	var eased int
	b.OnGrowth(func() { eased++ })
	release, ok := b.Admit()
	if !ok || b.Used() != UnreadRequest {
		t.Fatalf("got %d bytes in use", b.Used())
	}
	release()
	release()
	a := b.Open("shop")
	if !a.Take(Arrived, 100) || !a.Wait(t.Context(), Running, 200) || a.Take(Holding, b.Total) ||
		a.Wait(t.Context(), Making, b.Total) {
		t.Error("free bytes were refused, or bytes in use were granted")
	}
	sent := a.Move(Running, 50)
	a.Give(Running, 150)
	if b.Used() != 150 || b.Free()+b.Used() != sumOf(b.Parts) {
		t.Errorf("got %d bytes in use", b.Used())
	}
	a.Close()
	a.Close()
	if b.Used() != 50 {
		t.Errorf("got %d bytes in use", b.Used())
	}
	sent.Close()
	if b.Used() != 0 || eased != 3 {
		t.Errorf("got %d bytes in use; ease was called %d times", b.Used(), eased)
	}
}

// TestRefusalsAreCounted by stage, whether the caller waited or not.
// A request whose namespace is behind much other text closed its account while it still had work:
// its bytes were given back twice, and the budget had room for more than there is.
func TestNothingIsGivenBackTwice(t *testing.T) {
	b := New(0)
	other := b.Open("bank")
	other.Take(Making, 1000)
	a := b.Open("shop")
	end, ok := a.Work(t.Context(), 100)
	if !ok {
		t.Fatal("100 bytes are not to be had")
	}
	a.Close()
	end(0)
	a.Give(Making, 50)
	a.Move(Making, 50).Close()
	if got := b.UsedBy(Making); got != 1000 || a.Held(Making) != 0 || a.OfNamespace(Making) != 0 {
		t.Errorf("1000 bytes are in use, and %d counted; the account holds %d", got, a.Held(Making))
	}
	end, _ = a.Work(t.Context(), 100) // the place was given back
	end(30)
	a.Give(Making, 100)
	other.Close()
	if got := b.UsedBy(Making); got != 0 || b.places.Used() != 0 {
		t.Errorf("got %d bytes and %d places in use", got, b.places.Used())
	}
}

func TestRefusalsAreCounted(t *testing.T) {
	b := New(0)
	a := b.Open("shop")
	defer a.Close()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	a.Take(Holding, 1)
	a.Take(Holding, b.Total)
	a.Wait(t.Context(), Running, b.Total)
	a.Take(Making, b.Parts[Making])
	a.Wait(gone, Making, 1)
	for {
		if _, ok := b.Admit(); !ok {
			break
		}
	}
	want := [stages]int64{Unread: 1, Running: 1, Holding: 1, Making: 1}
	for stage, name := range Stages() {
		if got := b.Refused(stage); got != want[stage] {
			t.Errorf("%s: %d refusals, want %d", name, got, want[stage])
		}
	}
	if len(Stages()) != int(stages) {
		t.Errorf("%d stages have a name", len(Stages()))
	}
}

// TestUnreadRequests checks requests without a namespace: they may use all of their stage.
func TestUnreadRequests(t *testing.T) {
	b := New(0)
	n := 0
	for ; ; n++ {
		if _, ok := b.Admit(); !ok {
			break
		}
	}
	if want := b.Unread(); n != want || n < 500 {
		t.Errorf("admitted %d requests, want %d", n, want)
	}
	if !b.Open("shop").Take(Arrived, 32<<10) {
		t.Error("no request can be read")
	}
}

func sumOf(parts [stages]int64) (sum int64) {
	for _, part := range parts {
		sum += part
	}
	return sum
}

// TestTheTableOfTheDesign compares the table in DESIGN.md for 256 MiB with the budget.
func TestTheTableOfTheDesign(t *testing.T) {
	text, err := os.ReadFile("../../DESIGN.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "<!-- the test of provider/budget compares from here -->")
	table, _, _ = strings.Cut(table, "<!-- to here -->")
	s := For(DefaultLimit)
	rows := []struct {
		name string
		size int64
	}{
		{"unread requests", s.Parts[Unread]}, {"mounts", s.Parts[Arrived]}, {"their plans and reads", s.Parts[Running]},
		{"secrets", s.Parts[Holding]},
		{"work and files", s.Parts[Making]}, {"clients", s.Parts[Clients]}, {"large requests", int64(s.Readers) * reader},
		{"reads", int64(s.Reads) * (s.AnswerShare + read)}, {"larger answers", s.Answers},
		{"connections", int64(s.Connections) * connection},
		{"log", s.Log}, {"sum", s.Sum()},
	}
	var sum int64
	for _, row := range rows {
		want := fmt.Sprintf("| %s | %.1f |", row.name, float64(row.size)/(1<<20))
		if !strings.Contains(table, want) {
			t.Errorf("the table lacks %s", want)
		}
		if row.name != "sum" {
			sum += row.size
		}
	}
	if sum != s.Sum() || strings.Count(table, "\n| ") != len(rows)+2 {
		t.Errorf("the rows add up to %d, not %d, or the table has other rows", sum, s.Sum())
	}
	for _, number := range []string{fmt.Sprint(s.Reads, " at once"), fmt.Sprint(s.Connections, " to all"),
		fmt.Sprintf("of %.1f", float64(s.Total)/(1<<20))} {
		if !strings.Contains(table, number) {
			t.Errorf("the table lacks %q", number)
		}
	}
}
