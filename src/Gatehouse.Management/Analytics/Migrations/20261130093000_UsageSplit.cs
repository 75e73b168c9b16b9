using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Gatehouse.Management.Migrations.Usage
{
    /// <inheritdoc />
    public partial class UsageSplit : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<byte[]>(
                name: "backend_latencies",
                table: "usage",
                nullable: false,
                defaultValue: System.Array.Empty<byte>()
            );

            migrationBuilder.AddColumn<byte[]>(
                name: "gateway_latencies",
                table: "usage",
                nullable: false,
                defaultValue: System.Array.Empty<byte>()
            );

            migrationBuilder.CreateTable(
                name: "usage_nodes",
                columns: table => new
                {
                    period = table.Column<int>(nullable: false),
                    at = table.Column<long>(nullable: false),
                    node = table.Column<string>(nullable: false),
                    api = table.Column<string>(nullable: false),
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
                    backend_latencies = table.Column<byte[]>(nullable: false),
                    gateway_latencies = table.Column<byte[]>(nullable: false),
                },
                constraints: table =>
                {
                    table.PrimaryKey(
                        "PK_usage_nodes",
                        x => new
                        {
                            x.period,
                            x.at,
                            x.node,
                            x.api,
                        }
                    );
                }
            );
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(name: "usage_nodes");

            migrationBuilder.DropColumn(name: "backend_latencies", table: "usage");

            migrationBuilder.DropColumn(name: "gateway_latencies", table: "usage");
        }
    }
}
