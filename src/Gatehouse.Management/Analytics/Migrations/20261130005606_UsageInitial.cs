using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Gatehouse.Management.Migrations.Usage
{
    /// <inheritdoc />
    public partial class UsageInitial : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateTable(
                name: "usage",
                columns: table => new
                {
                    period = table.Column<int>(nullable: false),
                    at = table.Column<long>(nullable: false),
                    api = table.Column<string>(nullable: false),
                    operation = table.Column<string>(nullable: false),
                    application = table.Column<string>(nullable: false),
                    sandbox = table.Column<bool>(nullable: false),
                    requests = table.Column<long>(nullable: false),
                    succeeded = table.Column<long>(nullable: false),
                    client_errors = table.Column<long>(nullable: false),
                    server_errors = table.Column<long>(nullable: false),
                    unauthenticated = table.Column<long>(nullable: false),
                    throttled = table.Column<long>(nullable: false),
                    target_faults = table.Column<long>(nullable: false),
                    cache_hits = table.Column<long>(nullable: false),
                    bytes_in = table.Column<long>(nullable: false),
                    bytes_out = table.Column<long>(nullable: false),
                    micros = table.Column<long>(nullable: false),
                    backend_micros = table.Column<long>(nullable: false),
                    latencies = table.Column<byte[]>(nullable: false),
                },
                constraints: table =>
                {
                    table.PrimaryKey(
                        "PK_usage",
                        x => new
                        {
                            x.period,
                            x.at,
                            x.api,
                            x.operation,
                            x.application,
                            x.sandbox,
                        }
                    );
                }
            );

            migrationBuilder.CreateTable(
                name: "usage_head",
                columns: table => new
                {
                    id = table.Column<int>(nullable: false),
                    batches = table.Column<long>(nullable: false),
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_usage_head", x => x.id);
                }
            );

            migrationBuilder.CreateTable(
                name: "usage_streams",
                columns: table => new
                {
                    stream = table.Column<string>(nullable: false),
                    node = table.Column<string>(nullable: false),
                    sequence = table.Column<long>(nullable: false),
                    dropped = table.Column<long>(nullable: false),
                    at = table.Column<long>(nullable: false),
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_usage_streams", x => x.stream);
                }
            );

            migrationBuilder.InsertData(
                table: "usage_head",
                columns: new[] { "id", "batches" },
                values: new object[] { 1, 0L }
            );

            migrationBuilder.CreateIndex(
                name: "IX_usage_application_period_at",
                table: "usage",
                columns: new[] { "application", "period", "at" }
            );
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(name: "usage");

            migrationBuilder.DropTable(name: "usage_head");

            migrationBuilder.DropTable(name: "usage_streams");
        }
    }
}
