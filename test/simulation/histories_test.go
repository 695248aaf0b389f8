package simulation

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"

	"ovhcloud-csi-provider/provider/okms"
)

var (
	from  = flag.Uint64("from", 1, "the first seed")
	count = flag.Uint64("count", 200, "how many histories")
	story = flag.Bool("story", false, "print the whole story")
)

func TestMain(m *testing.M) {
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "NO_PROXY", "no_proxy"} {
		_ = os.Unsetenv(name)
	}
	okms.ClearEnvironment()
	flag.Parse()
	os.Exit(m.Run())
}

func TestHistories(t *testing.T) {
	runtime.GOMAXPROCS(1)
	dir := t.TempDir()
	begin := time.Now()
	mounts, requests, bad := 0, 0, 0
	rules := map[string]int{}
	for seed := *from; seed < *from+*count; seed++ {
		h := Generate(seed)
		o := Run(t, h, dir)
		mounts += len(o.Mounts)
		requests += len(o.Requests)
		if len(o.Violations) > 0 {
			bad++
			v := o.Violations[0]
			rules[v.Rule]++
			if rules[v.Rule] <= 3 {
				fmt.Printf("seed %d: %.400s\n", seed, v)
			}
			if *story {
				fmt.Println(h)
				fmt.Println(Story(h, o))
			}
		}
	}
	fmt.Println(time.Since(begin)/time.Duration(*count), "each", mounts, "mounts", requests, "requests", bad, "bad", rules)
}
