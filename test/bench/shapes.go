// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// shaped compares a mount of 20 templates over ten secrets with one of the ten secrets.
func (b *bench) shaped(ctx context.Context) error {
	d, err := b.start("--cache-ttl", "0")
	if err != nil {
		return err
	}
	defer d.stop()
	plain, err := b.request(10)
	if err != nil {
		return err
	}
	var objects strings.Builder
	for i := range 20 {
		fmt.Fprintf(&objects,
			"- secrets: {a: bench/s%d, b: bench/s%d}\n  template: 'postgres://{{ .a.user }}:{{ .a.password | urlquery }}@{{ "+
				".b.host }}/%d'\n  objectName: t%d\n",
			b.held-i%10, b.held-(i+1)%10, i, i)
	}
	templates, err := b.mountOf(objects.String())
	if err != nil {
		return err
	}
	var floor, took []time.Duration
	for range 5*b.rounds + 1 { // the first one dials
		one, err := d.mount(ctx, plain)
		if err != nil {
			return err
		}
		other, err := d.mount(ctx, templates)
		if err != nil {
			return err
		}
		floor, took = append(floor, one), append(took, other)
	}
	ratio := middle(took[1:]).Seconds() / middle(floor[1:]).Seconds()
	b.rows = append(b.rows,
		row{what: "20 templates over ten secrets: over reading the ten", measured: ms(middle(took[1:])), ratio: ratio,
			unit: " x", most: 1.2, reads: "10"})
	return nil
}

// found measures a mount that finds 1,000 secrets in one folder: ten pages of a list, one after the
// other, and then the secrets, as many at once as --max-reads allows.
func (b *bench) found(ctx context.Context) error {
	const secrets, page = 1000, 100
	for i := range secrets {
		if _, err := b.store.Put(fmt.Sprintf("found/s%04d", i), `{"user":"shop"}`); err != nil {
			return err
		}
	}
	d, err := b.start("--cache-ttl", "0")
	if err != nil {
		return err
	}
	defer d.stop()
	request, err := b.mountOf("- find: {path: found}\n")
	if err != nil {
		return err
	}
	if _, err := d.mount(ctx, request); err != nil { // dials
		return err
	}
	b.store.ResetRequests()
	took, err := b.median(b.rounds, func() (time.Duration, error) { return d.mount(ctx, request) })
	if err != nil {
		return err
	}
	floor := b.get.Seconds() * (secrets/page + float64(secrets)/room)
	b.rows = append(b.rows,
		row{what: "find of 1,000 secrets: over the round trips that it takes", measured: ms(took),
			ratio: took.Seconds() / floor, unit: " x", most: 1.3,
			reads: fmt.Sprint(len(b.store.Requests()) / b.rounds)})
	return nil
}
