using Gatehouse.Management;
using Gatehouse.Model;
using Microsoft.EntityFrameworkCore;

namespace Gatehouse.Tests.Management;

public sealed class EntityQueryTests
{
    [Fact]
    public async Task What_changed_is_found_by_its_epoch_and_not_by_reading_every_entity_of_its_kind()
    {
        var stop = TestContext.Current.CancellationToken;
        await using var test = await TestCatalogue.CreateAsync();
        await using var context = test.Database.Open();
        var query = context.Entities.AsNoTracking().ChangedAfter(7, [EntityKinds.Application, EntityKinds.Key]);
        await context.Database.OpenConnectionAsync(stop);
        await using var explain = query.CreateDbCommand();
        explain.CommandText = $"EXPLAIN QUERY PLAN {explain.CommandText}";

        var steps = new List<string>();
        await using var reader = await explain.ExecuteReaderAsync(stop);
        while (await reader.ReadAsync(stop))
        {
            steps.Add(reader.GetString(3));
        }

        Assert.Contains(steps, s => s.Contains("IX_entities_epoch (epoch>?)", StringComparison.Ordinal));
        Assert.DoesNotContain(steps, s => s.Contains("B-TREE", StringComparison.Ordinal));
    }
}
