// SPDX-License-Identifier: Apache-2.0

package pace_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/pace"
	"ovhcloud-csi-provider/provider/place"
)

// ask is a read by a new mount that ends after a time as told.
func ask(ctx context.Context, p *pace.Pace, domain place.Domain, takes time.Duration,
	failed *okms.Error) (asked time.Time, err *okms.Error) {
	_, err = p.Do(ctx, pace.Asker{Mount: pace.NewMount("shop"), Domain: domain, Hurried: isHurried(ctx)},
		func(ctx context.Context) (okms.Secret, *okms.Error) {
			asked = time.Now()
			select {
			case <-time.After(takes):
			case <-ctx.Done():
				return okms.Secret{}, &okms.Error{Kind: failure.TimedOut}
			}
			if failed != nil {
				return okms.Secret{}, failed
			}
			return okms.Secret{Version: 1}, nil
		})
	return asked, err
}

func TestAPauseOutlivesAnswersToReadsFromBefore(t *testing.T) {
	for name, second := range map[string]*okms.Error{"a success": nil, "a 404": {Kind: failure.SecretAbsent},
		"a reset": {Kind: failure.Unreachable}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := pace.New(pace.Config{})
				begin := time.Now()
				var all sync.WaitGroup
				for takes, failed := range map[time.Duration]*okms.Error{100 * time.Millisecond: {Kind: failure.Limited,
					RetryAfter: 20 * time.Second}, 200 * time.Millisecond: second} {
					all.Go(func() {
						ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
						defer cancel()
						_, _ = ask(ctx, p, place.Domain{}, takes, failed)
					})
				}
				time.Sleep(time.Second)
				asked, err := ask(t.Context(), p, place.Domain{}, 0, nil)
				if err != nil || asked.Sub(begin) < 20*time.Second {
					t.Errorf("asked after %s, %v", asked.Sub(begin), err)
				}
				all.Wait()
			})
		})
	}
}

func TestReadsThatHadNoTimeTellNothingOfTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pace.New(pace.Config{})
		for range 10 {
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
			_, _ = ask(ctx, p, place.Domain{}, 50*time.Millisecond, nil)
			cancel()
		}
		if _, err := ask(t.Context(), p, place.Domain{}, 50*time.Millisecond, nil); err != nil {
			t.Errorf("a mount with all its time: %v", err)
		}
	})
}

func TestABundleAndAnAPIMakeNoOtherDomain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pace.New(pace.Config{Reads: 2})
		var mu sync.Mutex
		now, most := 0, 0
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				// Of two namespaces: one alone may not have both places.
				domain := place.Domain{CABundle: strings.Repeat("\n", i), API: []place.API{place.KV2, place.REST}[i/2%2]}
				a := pace.Asker{Mount: pace.NewMount(fmt.Sprint("n", i%2)), Domain: domain}
				_, err := p.Do(t.Context(), a, func(context.Context) (okms.Secret, *okms.Error) {
					mu.Lock()
					now++
					most = max(most, now)
					mu.Unlock()
					time.Sleep(time.Second)
					mu.Lock()
					now--
					mu.Unlock()
					return okms.Secret{}, nil
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if most != 2 {
			t.Errorf("%d reads at once", most)
		}
	})
}

func TestWhoHasTimeIsNotStoppedByWhoHasNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pace.New(pace.Config{})
		mount := func(has, takes time.Duration) (time.Duration, failure.Kind) {
			ctx, cancel := context.WithTimeout(t.Context(), has)
			defer cancel()
			begin := time.Now()
			_, err := ask(ctx, p, place.Domain{}, takes, nil)
			return time.Since(begin), kind(err)
		}
		const hurried, patient = pace.Patience, 45 * time.Second
		for range 3 {
			if _, got := mount(hurried, 6*time.Second); got != failure.TimedOut {
				t.Fatalf("a hurried mount: %q", got)
			}
		}
		if took, got := mount(hurried, 6*time.Second); got != failure.TimedOut || took != 0 {
			t.Errorf("the store does not rest for the hurried: %q after %s", got, took)
		}
		var patients sync.WaitGroup
		patients.Go(func() {
			if took, got := mount(patient, 6*time.Second); got != "" {
				t.Errorf("a patient mount: %q after %s", got, took)
			}
		})
		synctest.Wait()
		time.Sleep(5500 * time.Millisecond)
		// One more in vain, so that the rest lasts beyond the patient one's end.
		if _, got := mount(hurried, time.Minute); got != failure.TimedOut {
			t.Errorf("a probe: %q", got)
		}
		patients.Wait()
		if took, got := mount(hurried, time.Second); got != failure.TimedOut || took != 0 {
			t.Errorf("an answer that took six seconds ended the rest of the hurried: %q after %s", got, took)
		}
		time.Sleep(3 * time.Second)
		if took, got := mount(hurried, time.Second); got != "" || took != time.Second { // the rest is over: it probes
			t.Errorf("the probe: %q after %s", got, took)
		}
		for range 3 {
			if _, got := mount(patient, time.Minute); got != failure.TimedOut {
				t.Fatalf("a patient mount of a store that hangs: %q", got)
			}
		}
		for _, has := range []time.Duration{hurried, patient} {
			if took, got := mount(has, 0); got != failure.TimedOut || took != 0 {
				t.Errorf("with %s: %q after %s", has, got, took)
			}
		}
	})
}

func TestAQuickAnswerEndsTheRestOfTheHurried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pace.New(pace.Config{})
		for range 3 {
			ctx, cancel := context.WithTimeout(t.Context(), pace.Patience)
			_, _ = ask(ctx, p, place.Domain{}, time.Minute, nil)
			cancel()
		}
		for _, has := range []time.Duration{time.Minute, pace.Patience} {
			ctx, cancel := context.WithTimeout(t.Context(), has)
			if _, err := ask(ctx, p, place.Domain{}, time.Millisecond, nil); err != nil {
				t.Errorf("with %s: %v", has, err)
			}
			cancel()
		}
	})
}

func TestAMountWaitsForOneOfItsReadsOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pace.New(pace.Config{})
		mount := pace.NewMount("shop")
		read := func() (time.Duration, *okms.Error) {
			ctx, cancel := context.WithTimeout(t.Context(), pace.Patience)
			defer cancel()
			begin := time.Now()
			_, err := p.Do(ctx, pace.Asker{Mount: mount, Hurried: true}, func(ctx context.Context) (okms.Secret, *okms.Error) {
				<-ctx.Done()
				return okms.Secret{}, &okms.Error{Kind: failure.TimedOut}
			})
			return time.Since(begin), err
		}
		if took, _ := read(); took < 4*time.Second {
			t.Fatalf("the first read waited %s", took)
		}
		for range 100 {
			if took, err := read(); took != 0 || kind(err) != failure.TimedOut {
				t.Fatalf("a further read waited %s: %v", took, err)
			}
		}
	})
}
