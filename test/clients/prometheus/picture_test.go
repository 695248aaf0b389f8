// SPDX-License-Identifier: Apache-2.0

package prometheus

import (
	"cmp"
	"flag"
	"fmt"
	"math"
	"os"
	"slices"
	"testing"
	"time"
)

var write = flag.Bool("write", false, "write the picture of the dashboard; without it the picture is compared")

const (
	pictureFile   = "../../../docs/dashboard.svg"
	column, row   = 52, 32 // the units of gridPos, in pixels
	gap           = 4
	columns       = 24
	largestFile   = 150_000
	pictureStep   = 2 * time.Minute
	pictureHeader = `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" ` +
		`font-family="Inter, Helvetica, Arial, sans-serif" fill="none">` + "\n"
)

// The picture of docs is what the dashboard shows of the story.
func TestThePictureShowsTheDashboard(t *testing.T) {
	d, begin, end := story(t)
	got := picture(t, panels(t), d, begin, end)
	if len(got) > largestFile {
		t.Errorf("the picture has %d bytes, want at most %d", len(got), largestFile)
	}
	if *write {
		if err := os.WriteFile(pictureFile, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(pictureFile)
	if err != nil || got != string(want) {
		t.Errorf("%s shows another dashboard: run go test -run Picture . -write here, and look at it (%v)", pictureFile, err)
	}
}

// picture draws the panels where Grafana has them.
func picture(t *testing.T, all []panel, data database, begin, end time.Time) string {
	t.Helper()
	bottom := 0
	for i, p := range all {
		bottom = max(bottom, p.GridPos.Y+p.GridPos.H)
		for _, other := range all[:i] {
			if overlap(p, other) {
				t.Errorf("the panels %q and %q overlap", other.Title, p.Title)
			}
		}
		if p.GridPos.X+p.GridPos.W > columns {
			t.Errorf("the panel %q is wider than the dashboard", p.Title)
		}
	}
	var d drawing
	w, h := columns*column, bottom*row
	fmt.Fprintf(&d, pictureHeader, w, h, w, h)
	d.rect(area{0, 0, float64(w), float64(h)}, "#f4f5f5", "")
	for _, p := range all {
		g := p.GridPos
		a := area{float64(g.X * column), float64(g.Y * row), float64(g.W * column), float64(g.H * row)}
		a = a.inner(gap, gap, gap, gap)
		if p.Type == "row" {
			d.text(a.x+4, a.y+18, 15, ink, "start", p.Title)
			continue
		}
		d.rect(a, "#ffffff", `rx="3" stroke="#dcdfe3"`)
		d.text(a.x+10, a.y+19, 13, ink, "start", p.Title)
		p.draw(t, &d, a.inner(10, 30, 10, 8), p.curves(t, data, begin, end, pictureStep), begin, end)
	}
	return d.String() + "</svg>\n"
}

func overlap(a, b panel) bool {
	return a.GridPos.X < b.GridPos.X+b.GridPos.W && b.GridPos.X < a.GridPos.X+a.GridPos.W &&
		a.GridPos.Y < b.GridPos.Y+b.GridPos.H && b.GridPos.Y < a.GridPos.Y+a.GridPos.H
}

// draw draws the body of a panel.
func (p panel) draw(t *testing.T, d *drawing, a area, all []curve, begin, end time.Time) {
	t.Helper()
	switch p.Type {
	case "stat":
		p.stat(d, a, all)
	case "bargauge":
		p.bars(d, a, all)
	case "state-timeline":
		p.states(plot{drawing: d, area: a.inner(90, 0, 0, 18), look: p.FieldConfig.Defaults, begin: begin, end: end}, all)
	case "timeseries":
		p.timeseries(plot{drawing: d, area: a.inner(60, 4, 8, 0), look: p.FieldConfig.Defaults, begin: begin, end: end}, all)
	default:
		t.Errorf("the picture cannot show the panel %q of the type %s", p.Title, p.Type)
	}
}

// stat draws the newest values side by side.
func (p panel) stat(d *drawing, a area, all []curve) {
	if len(all) == 0 {
		d.text(a.x+a.w/2, a.y+a.h/2, 14, grey, "middle", cmp.Or(p.FieldConfig.Defaults.NoValue, "No data"))
	}
	for i, c := range all {
		part := area{a.x + a.w/float64(len(all))*float64(i), a.y, a.w / float64(len(all)), a.h}
		color, text := p.FieldConfig.Defaults.threshold(c.last())
		d.rect(part.inner(1, 0, 1, 0), color, `rx="3"`)
		size := min(26, math.Floor(1.6*part.w/float64(len(text))))
		d.text(part.x+part.w/2, part.y+part.h/2+11, size, "#ffffff", "middle", text)
		d.text(part.x+part.w/2, part.y+15, 12, "#ffffff", "middle", c.name)
	}
}

// bars draws the newest values as bars, one a line.
func (p panel) bars(d *drawing, a area, all []curve) {
	all = slices.DeleteFunc(all, func(c curve) bool { return math.IsNaN(c.last()) })
	slices.SortStableFunc(all, func(a, b curve) int { return cmp.Compare(b.last(), a.last()) })
	const names, values, height = 160, 40, 28
	for i, c := range all {
		y := a.y + float64(i*height)
		color, text := p.FieldConfig.Defaults.threshold(c.last())
		d.text(a.x, y+18, 12, ink, "start", c.name)
		long := (a.w - names - values) * c.last() / all[0].last()
		d.rect(area{a.x + names, y + 4, long, height - 8}, color, `fill-opacity="0.85"`)
		d.text(a.x+a.w, y+18, 12, color, "end", text)
	}
	if len(all) == 0 {
		d.text(a.x+a.w/2, a.y+a.h/2, 14, grey, "middle", p.FieldConfig.Defaults.NoValue)
	}
}

// states draws a bar for each series, with a colour for each of its values.
func (p panel) states(to plot, all []curve) {
	height := to.h / float64(max(1, len(all)))
	for n, c := range all {
		top := to.area.y + height*float64(n)
		to.text(to.area.x-6, top+height/2+4, 11, ink, "end", c.name)
		for from, i := 0, 1; i <= len(c.values); i++ {
			if i < len(c.values) && c.values[i] == c.values[from] {
				continue
			}
			color, text := p.FieldConfig.Defaults.threshold(c.values[from])
			bar := area{to.x(from, len(c.values)), top + 3, to.w * float64(i-from) / float64(len(c.values)), height - 6}
			to.rect(bar, color, `fill-opacity="0.85"`)
			if float64(len(text))*letter < bar.w {
				to.text(bar.x+bar.w/2, top+height/2+4, 11, "#ffffff", "middle", text)
			}
			from = i
		}
	}
	to.hours()
}

// timeseries draws curves with axes and a legend.
func (p panel) timeseries(to plot, all []curve) {
	lines := p.legend(to.drawing, to.area, all)
	to.area.h -= 18 + 16*float64(lines)
	ticks := to.ticks(greatest(p.FieldConfig.Defaults, all))
	to.most = ticks[len(ticks)-1]
	to.axes(ticks)
	if len(all) > 0 {
		to.curves(all)
	}
	to.limits()
}

// greatest returns the greatest value that a panel must show: of a curve, or of their sum if they are stacked.
func greatest(l look, all []curve) float64 {
	most, sums := 0.0, map[int]float64{}
	if l.Max != nil {
		return *l.Max
	}
	for _, c := range all {
		for i, value := range c.values {
			if math.IsNaN(value) {
				continue
			}
			if most = max(most, value); l.Custom.Stacking.Mode == "normal" {
				sums[i] += value
				most = max(most, sums[i])
			}
		}
	}
	if most == 0 {
		return 1
	}
	return most
}

// legend draws the names of the curves at the bottom of an area, and returns how many lines they take.
func (p panel) legend(d *drawing, a area, all []curve) (lines int) {
	type entry struct {
		curve
		text    string
		x, line float64
	}
	var entries []entry
	x, line := a.x-46, 0.0
	for _, c := range all {
		if math.IsNaN(c.last()) && len(runs(c.values)) == 0 {
			continue
		}
		e := entry{curve: c, text: c.name}
		if len(p.Options.Legend.Calcs) > 0 {
			e.text += "  " + p.FieldConfig.Defaults.format(c.last())
		}
		width := 30 + letter*float64(len(e.text))
		if x+width > a.x+a.w && x > a.x-46 {
			x, line = a.x-46, line+1
		}
		e.x, e.line, x = x, line, x+width
		entries = append(entries, e)
	}
	for _, e := range entries {
		y := a.y + a.h - 16*(line-e.line) - 4
		d.rect(area{e.x, y - 5, 14, 3}, e.color, "")
		d.text(e.x+19, y, 11, ink, "start", e.text)
	}
	return int(line) + 1
}
