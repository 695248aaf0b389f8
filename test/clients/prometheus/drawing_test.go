// SPDX-License-Identifier: Apache-2.0

package prometheus

import (
	"fmt"
	"html"
	"math"
	"strings"
	"time"
)

// drawing is the text of an SVG.
type drawing struct{ strings.Builder }

// area is a rectangle of a drawing, in pixels.
type area struct{ x, y, w, h float64 }

func (a area) inner(left, top, right, bottom float64) area {
	return area{a.x + left, a.y + top, a.w - left - right, a.h - top - bottom}
}

const (
	ink, grey, pale = "#24292e", "#6e7480", "#e4e7eb"
	letter          = 6.1 // the usual width of a letter of 11 pixels
)

func (d *drawing) rect(a area, fill, more string) {
	fmt.Fprintf(d, `<rect x="%g" y="%g" width="%.4g" height="%.4g" fill="%s" %s/>`+"\n", a.x, a.y, a.w, a.h, fill, more)
}

// text writes a line, whose anchor (start, middle, end) is at x.
func (d *drawing) text(x, y, size float64, fill, anchor, text string) {
	fmt.Fprintf(d, `<text x="%.4g" y="%.4g" font-size="%g" fill="%s" text-anchor="%s">%s</text>`+"\n",
		x, y, size, fill, anchor, html.EscapeString(text))
}

func (d *drawing) line(x1, y1, x2, y2 float64, stroke, more string) {
	fmt.Fprintf(d, `<path d="M%.4g %.4gL%.4g %.4g" stroke="%s" %s/>`+"\n", x1, y1, x2, y2, stroke, more)
}

// plot is where values are drawn, from 0 to most, between begin and end.
type plot struct {
	*drawing
	area
	look
	most       float64
	begin, end time.Time
}

func (p plot) y(value float64) float64 { return p.area.y + p.h - p.h*min(1, max(0, value/p.most)) }

func (p plot) x(i, of int) float64 { return p.area.x + p.w*float64(i)/float64(of-1) }

// axes draws the lines and numbers of both axes.
func (p plot) axes(ticks []float64) {
	for _, tick := range ticks {
		p.line(p.area.x, p.y(tick), p.area.x+p.w, p.y(tick), pale, "")
		p.text(p.area.x-6, p.y(tick)+4, 11, grey, "end", p.format(tick))
	}
	p.hours()
}

func (p plot) hours() {
	step := 30 * time.Minute
	if p.w < 240 {
		step = time.Hour
	}
	for at := p.begin; !at.After(p.end); at = at.Add(step) {
		x := p.area.x + p.w*float64(at.Sub(p.begin))/float64(p.end.Sub(p.begin))
		p.line(x, p.area.y, x, p.area.y+p.h, pale, "")
		p.text(x, p.area.y+p.h+14, 11, grey, "middle", at.UTC().Format("15:04"))
	}
}

// limits draws the thresholds, if the panel shows them as lines.
func (p plot) limits() {
	mode := p.Custom.ThresholdsStyle.Mode
	for _, step := range p.Thresholds.Steps {
		if step.Value != nil && *step.Value <= p.most && mode != "" && mode != "off" {
			p.line(p.area.x, p.y(*step.Value), p.area.x+p.w, p.y(*step.Value), names[step.Color], `stroke-dasharray="6 4"`)
		}
	}
}

// curves draws them, and what is between each and the one below it if they are stacked, else 0.
func (p plot) curves(all []curve) {
	below := make([]float64, len(all[0].values))
	for _, c := range all {
		top := make([]float64, len(below))
		for i, value := range c.values {
			if top[i] = value; p.Custom.Stacking.Mode == "normal" {
				top[i] += below[i]
			}
		}
		for _, run := range runs(c.values) {
			line, back := "M", ""
			for i := run[0]; i < run[1]; i++ {
				line += fmt.Sprintf("%.4g %.4g ", p.x(i, len(top)), p.y(top[i]))
				back = fmt.Sprintf("%.4g %.4g ", p.x(i, len(top)), p.y(below[i])) + back
			}
			fmt.Fprintf(p, `<path d="%sL%sZ" fill="%s" fill-opacity="%g"/>`+"\n", line, back, c.color, p.Custom.FillOpacity/100)
			fmt.Fprintf(p, `<path d="%s" fill="none" stroke="%s" stroke-width="1.5"/>`+"\n", line, c.color)
		}
		for i := range top {
			if p.Custom.Stacking.Mode == "normal" && !math.IsNaN(top[i]) {
				below[i] = top[i]
			}
		}
	}
}

// runs returns the parts of a series that have values: where each begins, and the index behind its end.
func runs(values []float64) (all [][2]int) {
	for i, value := range values {
		switch n := len(all); {
		case math.IsNaN(value):
		case n > 0 && all[n-1][1] == i:
			all[n-1][1]++
		default:
			all = append(all, [2]int{i, i + 1})
		}
	}
	return all
}
